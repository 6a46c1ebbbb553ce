#include "app/trust_lines.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill::app;

namespace {

const CacheToUse team{.name = "team", .url = "https://team.cachix.org", .keys = {"team.cachix.org-1:AAAA="}};

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

BOOST_AUTO_TEST_SUITE(trust_lines)

BOOST_AUTO_TEST_CASE(nixos_is_told_in_the_words_it_has) {
    auto old = parse_os_release("NAME=NixOS\nID=nixos\nVERSION_ID=\"21.11\"\n");
    BOOST_REQUIRE(old.has_value());
    BOOST_TEST(!old->has_settings());
    auto text = lines_for_everybody(team, old);
    BOOST_TEST(holds(text, "nix.binaryCaches = [ \"https://team.cachix.org\" ];"));
    BOOST_TEST(holds(text, "nix.binaryCachePublicKeys = [ \"team.cachix.org-1:AAAA=\" ];"));
    BOOST_TEST(!holds(text, "nix.settings.substituters"));
    auto present = parse_os_release("VERSION_ID=\"22.05\"\nID=nixos");
    BOOST_REQUIRE(present.has_value());
    text = lines_for_everybody(team, present);
    BOOST_TEST(holds(text, "nix.settings.substituters = [ \"https://team.cachix.org\" ];"));
    BOOST_TEST(!holds(text, "nix.binaryCaches"));
    BOOST_TEST(!parse_os_release("ID=debian\nVERSION_ID=\"12.1\"\n").has_value());
    text = lines_for_everybody(team, {});
    BOOST_TEST(holds(text, "nix.settings.substituters"));
    BOOST_TEST(holds(text, "nix.binaryCaches"));
}

BOOST_AUTO_TEST_CASE(everybody_else_finds_the_lines_too) {
    auto text = lines_for_everybody(team, {});
    BOOST_TEST(holds(text, "nix.settings.extra-substituters = [ \"https://team.cachix.org\" ];"));
    BOOST_TEST(holds(text, "\n  extra-substituters = https://team.cachix.org\n"));
    BOOST_TEST(holds(text, "\n  env:\n    NIX_CONFIG: |\n      extra-substituters = https://team.cachix.org\n"
                           "      extra-trusted-public-keys = team.cachix.org-1:AAAA=\n"));
    BOOST_TEST(!holds(text, "note:"));
    auto keyless = team;
    keyless.keys.clear();
    BOOST_TEST(holds(lines_for_everybody(keyless, {}), "does not tell its public key"));
    auto hidden = team;
    hidden.is_public = false;
    BOOST_TEST(holds(lines_for_everybody(hidden, {}), "is private"));
}

BOOST_AUTO_TEST_CASE(only_what_is_not_there_is_added) {
    const std::string both =
        "extra-substituters = https://team.cachix.org\nextra-trusted-public-keys = team.cachix.org-1:AAAA=\n";
    BOOST_TEST(addition_to("", team) == both);
    BOOST_TEST(addition_to("max-jobs = 4\n", team) == both);
    BOOST_TEST(addition_to(both, team) == "");
    BOOST_TEST(addition_to("substituters = https://cache.nixos.org https://team.cachix.org/\n", team) ==
               "extra-trusted-public-keys = team.cachix.org-1:AAAA=\n");
    BOOST_TEST(addition_to("trusted-public-keys = team.cachix.org-1:AAAA=\n", team) ==
               "extra-substituters = https://team.cachix.org\n");
    // What a later line overrules is not there.
    BOOST_TEST(addition_to(both + "substituters = https://cache.nixos.org\n", team) ==
               "extra-substituters = https://team.cachix.org\n");
    BOOST_TEST(addition_to("# " + both, team) == "extra-substituters = https://team.cachix.org\n");
}

BOOST_AUTO_TEST_CASE(whom_the_daemon_trusts) {
    BOOST_TEST(is_among("root kim", "kim", {}));
    BOOST_TEST(is_among("root @wheel", "kim", {"users", "wheel"}));
    BOOST_TEST(is_among("*", "kim", {}));
    BOOST_TEST(!is_among("root @wheel", "kim", {"users"}));
    BOOST_TEST(!is_among("root kimberley", "kim", {}));
}

BOOST_AUTO_TEST_SUITE_END()
