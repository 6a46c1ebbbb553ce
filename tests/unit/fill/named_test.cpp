#include "../plan/world.hpp"
#include "fill/named.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;

namespace {

// firefox is built from its unwrapped part, which is there, and from a source that nobody makes.
struct Scene {
    World world;

    Scene() {
        world.derivation("firefox-unwrapped-119.0").derivation("linux-6.6.1");
        world.derivation("firefox-119.0", {"firefox-unwrapped-119.0"}, {.sources = {"wrapper.sh"}});
        world.derivation("firefox-esr-115.4", {"linux-6.6.1"});
        world.derivation("system", {"firefox-119.0", "firefox-esr-115.4"}).target("system");
        world.served(0, {"firefox-unwrapped-119.0", "firefox-119.0", "linux-6.6.1"});
        world.settle();
    }
    Names found(std::string_view text) const {
        Names names;
        for (const auto& path : fill::find_named(world.graph, world.targets, world.plan, text))
            names.emplace_back(path.name());
        return names;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(named, Scene)

BOOST_AUTO_TEST_CASE(packages_are_found_as_people_type_them) {
    BOOST_TEST(found("firefox") == Names{"firefox-119.0.drv"}, boost::test_tools::per_element());
    BOOST_TEST(found("firefox-119.0") == Names{"firefox-119.0.drv"}, boost::test_tools::per_element());
    BOOST_TEST(found("firefox-unwrapped") == Names{"firefox-unwrapped-119.0.drv"}, boost::test_tools::per_element());
    BOOST_TEST(found("wrapper.sh") == Names{"wrapper.sh"}, boost::test_tools::per_element());
    BOOST_TEST(found("fire").empty());
    BOOST_TEST(found("").empty());
}

BOOST_AUTO_TEST_CASE(of_a_glob_what_is_built_comes_first) {
    BOOST_TEST(found("firefox*") ==
                   (Names{"firefox-esr-115.4.drv", "firefox-119.0.drv", "firefox-unwrapped-119.0.drv"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_host_is_found_with_and_without_its_kind) {
    BOOST_TEST(found("nixos:system") == Names{"system.drv"}, boost::test_tools::per_element());
    BOOST_TEST(found("system") == Names{"system.drv"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_attribute_is_what_it_leads_to) {
    for (const auto* text : {"nixpkgs#firefox", "pkgs.firefox", "nixpkgs#legacyPackages.x86_64-linux.firefox"})
        BOOST_TEST(found(text) == Names{"firefox-119.0.drv"}, boost::test_tools::per_element());
    for (const auto* text : {"nixosConfigurations.system.config.system.build.toplevel",
                             ".#nixosConfigurations.\"system\".config.system.build.toplevel"})
        BOOST_TEST(found(text) == Names{"system.drv"}, boost::test_tools::per_element());
    BOOST_TEST(found("nixosConfigurations.another.config.system.build.toplevel").empty());
    BOOST_TEST(found("pkgs.").empty());
}

BOOST_AUTO_TEST_CASE(a_path_is_taken_as_it_is_known_or_not) {
    auto path = store_path("firefox-119.0");
    BOOST_TEST((fill::find_named(world.graph, world.targets, world.plan, path.to_string() + "/bin/firefox") ==
                std::vector<nix::StorePath>{path}));
    BOOST_TEST((fill::find_named(world.graph, world.targets, world.plan, path.base_name()) ==
                std::vector<nix::StorePath>{path}));
    BOOST_TEST(found(store_path("never-heard-of").to_string()) == Names{"never-heard-of"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_misspelt_is_guessed) {
    BOOST_TEST(fill::similar_name(world.graph, "firefx").value_or("") == "firefox");
    BOOST_TEST(!fill::similar_name(world.graph, "emacs"));
}

BOOST_AUTO_TEST_SUITE_END()
