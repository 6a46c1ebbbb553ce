#include "base/files.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace cachefill;

BOOST_AUTO_TEST_SUITE(files)

BOOST_AUTO_TEST_CASE(an_atomic_write_replaces_the_whole_file_and_leaves_nothing_beside_it) {
    auto directory = TemporaryDirectory::make("cachefill-test").value();
    auto path = directory.path() / "report.json";
    BOOST_TEST(write_file_atomically(path, "first").has_value());
    BOOST_TEST(write_file_atomically(path, "second").has_value());
    BOOST_TEST(read_file(path).value() == "second");
    auto count = std::distance(std::filesystem::directory_iterator(directory.path()), {});
    BOOST_TEST(count == 1);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_says_which_and_why) {
    auto written = write_file_atomically("/nonexistent-directory/x", "content");
    BOOST_REQUIRE(!written);
    BOOST_TEST(written.error().cause().find("/nonexistent-directory/x") != std::string::npos);
    BOOST_TEST(written.error().cause().find("No such file") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_past_the_limit_is_refused) {
    auto directory = TemporaryDirectory::make("cachefill-test").value();
    auto path = directory.path() / "big";
    BOOST_TEST(write_file_atomically(path, std::string(2000, 'x')).has_value());
    BOOST_TEST(!read_file(path, 1999).has_value());
    BOOST_TEST(read_file(path, 2000).has_value());
    BOOST_TEST(!read_file("/dev/zero", 1 << 20).has_value());
}

BOOST_AUTO_TEST_CASE(a_pipe_or_a_device_is_no_file_and_is_not_waited_for) {
    auto directory = TemporaryDirectory::make("cachefill-test").value();
    auto pipe = directory.path() / "pipe";
    BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0); // nobody writes to it
    std::filesystem::create_symlink("pipe", directory.path() / "link");
    for (const auto& place : {pipe, directory.path() / "link", std::filesystem::path("/dev/null"), directory.path()}) {
        auto content = read_file(place);
        BOOST_REQUIRE_MESSAGE(!content.has_value(), place);
        BOOST_TEST(content.error().cause().find(place.string()) != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(what_a_person_named_may_be_a_pipe) {
    int ends[2];
    BOOST_REQUIRE(::pipe(ends) == 0);
    FileDescriptor reading(ends[0]), writing(ends[1]);
    BOOST_REQUIRE(::write(writing.get(), "cache: team", 11) == 11);
    writing.close();
    auto name = "/dev/fd/" + std::to_string(reading.get());
    BOOST_TEST(!read_file(name).has_value());
    BOOST_TEST(read_stream(name).value() == "cache: team");
    BOOST_TEST(!read_stream("/dev/zero", 1 << 20).has_value());
}

BOOST_AUTO_TEST_CASE(a_temporary_directory_is_gone_afterwards) {
    std::filesystem::path path;
    {
        auto directory = TemporaryDirectory::make("cachefill-test").value();
        path = directory.path();
        BOOST_TEST(write_file_atomically(path / "x", "y").has_value());
    }
    BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_SUITE_END()
