#include "nix_scene.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>

// Real Nix on small flakes.
using namespace cachefill;
using namespace cachefill::eval;
using test::nixos;
using test::NixScene;
using test::place;

namespace {

bool contains(const std::string& text, const std::string& word) { return text.find(word) != std::string::npos; }

std::set<std::string> names(const std::vector<TargetRef>& targets) {
    std::set<std::string> all;
    for (const auto& target : targets) all.insert(target.display());
    return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(evaluator)

BOOST_AUTO_TEST_CASE(hosts_are_listed_without_being_forced) {
    NixScene scene;
    scene.flake_with(R"({
        nixosConfigurations = { nas = throw "not yet"; "dotted.example.org" = abort "never"; };
        homeConfigurations."kim@näs" = throw "no";
        packages.x86_64-linux = { hello = throw "no"; "a.b" = 1; };
        packages.aarch64-linux = { };
    })");
    auto hosts = scene.discover().value();
    BOOST_TEST(names(hosts) == (std::set<std::string>{"nixos:nas", "nixos:dotted.example.org", "home:kim@näs"}),
               boost::test_tools::per_element());
    auto all = scene.discover({"packages", "checks"}).value();
    BOOST_TEST(all.size() == 5U);
    auto is_hello = [](const TargetRef& target) { return target.name == "x86_64-linux.hello"; };
    auto hello = std::find_if(all.begin(), all.end(), is_hello);
    BOOST_REQUIRE((hello != all.end()));
    BOOST_TEST(hello->attribute_path == (std::vector<std::string>{"packages", "x86_64-linux", "hello"}),
               boost::test_tools::per_element());
    BOOST_TEST(!scene.sink.evaluations_started());
}

BOOST_AUTO_TEST_CASE(a_flake_without_any_kind_has_no_targets) {
    NixScene scene;
    scene.flake_with("{ }");
    BOOST_TEST(scene.discover({"packages", "checks", "devShells"}).value().empty());
}

BOOST_AUTO_TEST_CASE(a_host_kind_that_cannot_be_listed_fails_with_its_position) {
    NixScene scene;
    scene.flake_with("{ nixosConfigurations = { a = 1; };\n  homeConfigurations = 1 + { }; }");
    auto found = scene.discover();
    BOOST_REQUIRE(!found);
    BOOST_TEST((found.error().kind() == FailureKind::eval));
    BOOST_TEST(contains(found.error().one_line(), "homeConfigurations"));
    TargetRef home{.kind = TargetKind::home, .name = {}, .attribute_path = {}};
    BOOST_TEST(place(scene.position(home)).starts_with("flake.nix:6:"), place(scene.position(home)));
}

BOOST_AUTO_TEST_CASE(another_kind_that_cannot_be_listed_is_said_and_the_rest_is_found) {
    NixScene scene;
    scene.flake_with("{ nixosConfigurations.a = 1; checks = throw \"broken checks\"; }");
    BOOST_TEST(scene.discover({"checks"}).value().size() == 1U);
    BOOST_TEST(contains(scene.sink.messages(), "error: "));
    BOOST_TEST(contains(scene.sink.messages(), "broken checks"));
}

BOOST_AUTO_TEST_CASE(an_unknown_kind_is_a_usage_failure) {
    NixScene scene;
    scene.flake_with("{ }");
    auto found = scene.discover({"package"});
    BOOST_REQUIRE(!found);
    BOOST_TEST((found.error().kind() == FailureKind::usage));
    BOOST_TEST(contains(found.error().hint(), "packages"));
}

BOOST_AUTO_TEST_CASE(each_kind_evaluates_to_its_derivation_and_system) {
    NixScene scene;
    scene.flake_with(R"({
        nixosConfigurations.nas = host (drv "nas" { });
        nixosConfigurations."dotted.example.org" = host (drv "dotted" { });
        darwinConfigurations.mac.system = drv "mac" { system = "aarch64-darwin"; };
        homeConfigurations."kim@näs 100%".activationPackage = drv "kim" { };
        packages.x86_64-linux.many = drv "many" { outputs = [ "out" "dev" "doc" ]; } // { meta.outputsToInstall = [ "out" "doc" ]; };
        packages.x86_64-linux.dev = (drv "many" { outputs = [ "out" "dev" ]; }).dev // { outputSpecified = true; };
    })");
    auto results = scene.evaluate_all({
        nixos("nas"),
        nixos("dotted.example.org"),
        test::target(TargetKind::darwin, "darwinConfigurations", "mac"),
        test::target(TargetKind::home, "homeConfigurations", "kim@näs 100%"),
        {.kind = TargetKind::package,
         .name = "x86_64-linux.many",
         .attribute_path = {"packages", "x86_64-linux", "many"}},
        {.kind = TargetKind::package,
         .name = "x86_64-linux.dev",
         .attribute_path = {"packages", "x86_64-linux", "dev"}},
    });
    std::vector<std::string> derivations;
    for (const auto& result : results) {
        BOOST_REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().one_line()));
        derivations.emplace_back(result->derivation.name());
        // The file is written: what reads the graph needs it.
        BOOST_TEST(std::filesystem::exists(scene.path("root" + result->derivation.to_string())));
        BOOST_TEST(result->peak_memory > 1000000U);
        BOOST_TEST(!result->impure);
    }
    BOOST_TEST(derivations ==
                   (std::vector<std::string>{"nas.drv", "dotted.drv", "mac.drv", "kim.drv", "many.drv", "many.drv"}),
               boost::test_tools::per_element());
    BOOST_TEST(results[2]->system == "aarch64-darwin");
    BOOST_TEST(results[0]->outputs == std::vector<std::string>{"out"}, boost::test_tools::per_element());
    BOOST_TEST(results[4]->outputs == (std::vector<std::string>{"out", "doc"}), boost::test_tools::per_element());
    BOOST_TEST(results[5]->outputs == std::vector<std::string>{"dev"}, boost::test_tools::per_element());
    BOOST_TEST(scene.sink.evaluations_started() == 6U);
}

BOOST_AUTO_TEST_CASE(one_failing_host_hides_no_other_and_each_has_its_place) {
    NixScene scene;
    scene.write("fleet/hosts/undefined.nix", "{\n  config.system.build.toplevel = nowhere;\n}\n");
    scene.flake_with(R"({
        nixosConfigurations = {
          good = host (drv "good" { });
          throws = host (throw "no good\nat all");
          undefined = import ./hosts/undefined.nix;
          loop = host (let x = x; in x);
          empty = { };
        };
    })");
    auto results = scene.evaluate_all(
        {nixos("throws"), nixos("undefined"), nixos("good"), nixos("loop"), nixos("empty"), nixos("absent")});
    BOOST_TEST(results[2].has_value());
    for (std::size_t i : {0U, 1U, 3U, 4U, 5U}) {
        BOOST_REQUIRE(!results[i]);
        BOOST_TEST((results[i].error().kind() == FailureKind::eval), results[i].error().one_line());
        BOOST_TEST(results[i].error().context().front().starts_with("evaluating nixos:"));
    }
    BOOST_TEST(results[0].error().cause().starts_with("no good\nat all\n"), results[0].error().cause());
    BOOST_TEST(place(scene.position(nixos("throws"))).starts_with("flake.nix:"));
    BOOST_TEST(results[1].error().cause() ==
               "undefined variable 'nowhere'\n2 | config.system.build.toplevel = nowhere;");
    BOOST_TEST(place(scene.position(nixos("undefined"))) == "hosts/undefined.nix:2:34");
    BOOST_TEST(contains(results[3].error().cause(), "infinite recursion"));
    BOOST_TEST(contains(results[4].error().cause(), "'config' missing"));
    BOOST_TEST(contains(results[5].error().cause(), "does not provide attribute"));
    BOOST_TEST(place(scene.position(nixos("good"))) == "unknown");
}

BOOST_AUTO_TEST_CASE(what_evaluation_builds_is_known_and_can_be_forbidden) {
    NixScene scene;
    scene.flake_with(R"({
        nixosConfigurations.ifd = host (drv (import (drv "generated" { args = [ "-c" "echo '\"from-ifd\"' > $out" ]; })) { });
        nixosConfigurations.bad = host (drv (import (drv "failing" { args = [ "-c" "echo the reason; exit 3" ]; })) { });
    })");
    scene.settings.import_from_derivation = false;
    auto forbidden = scene.evaluate(nixos("ifd"));
    BOOST_REQUIRE(!forbidden);
    BOOST_TEST(contains(forbidden.error().cause(), "allow-import-from-derivation"));
    BOOST_TEST(contains(forbidden.error().cause(), "-generated.drv"));

    scene.settings.import_from_derivation = true;
    auto results = scene.evaluate_all({nixos("ifd"), nixos("bad")});
    BOOST_REQUIRE_MESSAGE(results[0].has_value(), (results[0] ? "" : results[0].error().one_line()));
    BOOST_REQUIRE(results[0]->built_by_evaluation.size() == 1U);
    BOOST_TEST(results[0]->built_by_evaluation[0].name() == "generated.drv");
    BOOST_TEST(results[0]->derivation.name() == "from-ifd.drv");
    BOOST_REQUIRE(!results[1]);
    BOOST_TEST(contains(results[1].error().cause(), "the reason"));
    // Warm: nothing is built again, and what is read is known all the same.
    auto warm = scene.evaluate(nixos("ifd"));
    BOOST_TEST(warm.value().built_by_evaluation.empty());
    for (const auto* evaluated : {&*results[0], &*warm}) {
        BOOST_REQUIRE(evaluated->read_by_evaluation.size() == 1U);
        BOOST_TEST(evaluated->read_by_evaluation[0].derivation.name() == "generated.drv");
        BOOST_TEST(evaluated->read_by_evaluation[0].outputs == std::vector<std::string>{"out"},
                   boost::test_tools::per_element());
        BOOST_TEST(evaluated->unknown_reads == 0U);
    }
}

BOOST_AUTO_TEST_CASE(warnings_are_told_once_and_name_the_first_target) {
    NixScene scene;
    scene.flake_with(R"({
        nixosConfigurations = let old = builtins.trace "warning: old option"; in {
          a = host (old (drv "a" { })); b = host (old (drv "b" { }));
        };
    })");
    scene.evaluate_all({nixos("a"), nixos("b")});
    auto messages = scene.sink.messages();
    auto first = messages.find(": old option");
    BOOST_REQUIRE(first != std::string::npos);
    BOOST_TEST(messages.find(": old option", first + 1) == std::string::npos);
    BOOST_TEST(contains(messages, "warning: nixos:"));
}

BOOST_AUTO_TEST_CASE(peaks_are_learned_in_a_file_and_an_unreadable_one_is_ignored) {
    NixScene scene;
    scene.flake_with("{ nixosConfigurations.nas = host (drv \"nas\" { }); }");
    scene.settings.past_evaluations = scene.path("state/memory.json");
    scene.write("state/memory.json", "garbage");
    BOOST_TEST(scene.evaluate(nixos("nas")).has_value());
    BOOST_TEST(contains(scene.sink.messages(), "memory.json is no record of past evaluations"));
    BOOST_TEST(contains(scene.read("state/memory.json"), "nixos:nas"));
}

BOOST_AUTO_TEST_SUITE_END()
