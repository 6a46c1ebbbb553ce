#include "base/files.hpp"
#include "eval/temporary_place.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>

using namespace cachefill;
using namespace cachefill::eval;

BOOST_AUTO_TEST_SUITE(temporary_place)

BOOST_AUTO_TEST_CASE(a_place_that_can_be_written_to_is_left_as_it_was) {
    auto directory = TemporaryDirectory::make("cachefill-place").value();
    Environment environment;
    environment.set("TMPDIR", directory.path().string());
    BOOST_TEST(check_temporary_place(environment).has_value());
    BOOST_TEST(std::filesystem::is_empty(directory.path()));
}

BOOST_AUTO_TEST_CASE(a_place_that_is_not_there_or_no_directory_is_named_and_the_machines_fault) {
    auto directory = TemporaryDirectory::make("cachefill-place").value();
    std::ofstream(directory.path() / "file") << "x";
    for (const auto* name : {"nowhere", "file"}) {
        Environment environment;
        environment.set("TMPDIR", (directory.path() / name).string());
        auto usable = check_temporary_place(environment);
        BOOST_REQUIRE(!usable);
        BOOST_TEST((usable.error().kind() == FailureKind::machine));
        BOOST_TEST(usable.error().cause().find((directory.path() / name).string() +
                                               ", the place for temporary files") != std::string::npos);
        BOOST_TEST(usable.error().hint().find("TMPDIR") != std::string::npos);
    }
}

BOOST_AUTO_TEST_SUITE_END()
