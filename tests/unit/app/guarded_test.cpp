#include "app/guarded.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::app;

BOOST_AUTO_TEST_SUITE(guarded)

namespace {

using Words = std::vector<std::string>;
Guarded parsed(const Words& command) {
    auto result = parse_guarded(command);
    BOOST_REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().one_line()));
    return std::move(*result);
}
const std::string path = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-system";

} // namespace

BOOST_AUTO_TEST_CASE(nh_is_given_the_path_where_the_flake_would_stand) {
    BOOST_TEST(with_store_path(parsed({"nh", "os", "switch"}), path) == (Words{"nh", "os", "switch", path}),
               boost::test_tools::per_element());
    BOOST_TEST(with_store_path(parsed({"nh", "os", "boot", ".", "--ask", "--", "--cores", "2"}), path) ==
                   (Words{"nh", "os", "boot", path, "--ask", "--", "--cores", "2"}),
               boost::test_tools::per_element());
    BOOST_TEST(with_store_path(parsed({"nh", "os", "test", "-a", "--", "-v"}), path) ==
                   (Words{"nh", "os", "test", "-a", path, "--", "-v"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(other_commands_run_as_they_are) {
    const Words rebuild{"sudo", "nixos-rebuild", "switch", "--flake", ".#nas"};
    BOOST_TEST(with_store_path(parsed(rebuild), path) == rebuild, boost::test_tools::per_element());
    const Words clean{"nh", "clean", "all"};
    BOOST_TEST(with_store_path(parsed(clean), path) == clean, boost::test_tools::per_element());
    const Words make{"make", "switch"};
    BOOST_TEST(with_store_path(parsed(make), path) == make, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_the_command_names_is_what_is_looked_at) {
    auto rebuild = parsed({"sudo", "nixos-rebuild", "switch", "--flake", "/etc/nixos#nas"});
    BOOST_TEST(rebuild.flake == "/etc/nixos");
    BOOST_TEST(rebuild.host == "nas");
    auto nh = parsed({"nh", "os", "switch", "-H", "desk", "~/nix"});
    BOOST_TEST(nh.flake == "~/nix");
    BOOST_TEST(nh.host == "desk");
    BOOST_TEST(parsed({"nh", "os", "switch", "--hostname=lap"}).host == "lap");
    BOOST_TEST(parsed({"nixos-rebuild", "boot", "--flake=.#x"}).host == "x");
}

BOOST_AUTO_TEST_CASE(a_command_that_moves_the_lock_is_refused_with_the_way_to_do_it) {
    for (const auto& command : std::vector<Words>{{"nh", "os", "switch", "--update"},
                                                  {"nh", "os", "switch", "-u"},
                                                  {"nh", "os", "switch", "-au"},
                                                  {"nixos-rebuild", "switch", "--upgrade"},
                                                  {"nh", "os", "switch", "--", "--recreate-lock-file"},
                                                  {"nix", "build", "--update-input", "nixpkgs"}}) {
        auto result = parse_guarded(command);
        BOOST_REQUIRE(!result.has_value());
        BOOST_TEST((result.error().kind() == FailureKind::usage));
        BOOST_TEST(result.error().hint().find("guard --update") != std::string::npos);
    }
    BOOST_TEST(parse_guarded({"ls", "-u"}).has_value());
}

BOOST_AUTO_TEST_CASE(no_command_and_a_store_path_are_no_use) {
    BOOST_TEST(!parse_guarded({}).has_value());
    BOOST_TEST(!parse_guarded({"nh", "os", "switch", path}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
