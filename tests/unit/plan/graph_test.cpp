#include "world.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::plan;
using namespace cachefill::test;

namespace {

DerivationKind kind_of(const DerivationOptions& options) {
    World world;
    world.derivation("x", {}, options).target("x");
    return world.graph.derivation(world.targets[0].derivation).kind;
}

} // namespace

BOOST_AUTO_TEST_SUITE(graph)

BOOST_AUTO_TEST_CASE(kind_is_the_first_that_matches) {
    BOOST_TEST(to_string(kind_of({})) == "compile");
    BOOST_TEST(to_string(kind_of({.light = true})) == "light");
    BOOST_TEST(to_string(kind_of({.local = true, .light = true})) == "local by design");
    BOOST_TEST(to_string(kind_of({.local = true, .fixed = true})) == "fixed-output");
}

BOOST_AUTO_TEST_CASE(shared_derivations_are_read_and_stand_once) {
    World world;
    world.derivation("glibc").derivation("a", {"glibc"}).derivation("b", {"glibc"}).derivation("top", {"a", "b"});
    std::map<nix::StorePath, int> reads;
    const auto read = [&](const nix::StorePath& path) {
        ++reads[path];
        return reader_of(world.derivations)(path);
    };
    BOOST_REQUIRE(world.graph.add_closure(derivation_path("top"), read).has_value());
    BOOST_REQUIRE(world.graph.add_closure(derivation_path("b"), read).has_value());
    BOOST_TEST(world.graph.derivation_count() == 4U);
    for (const auto& [path, times] : reads) BOOST_TEST(times == 1, path.to_string());
}

BOOST_AUTO_TEST_CASE(every_derivation_comes_after_its_inputs) {
    World world;
    world.derivation("a").derivation("b", {"a"}).derivation("c", {"a", "b"}).derivation("d", {"c", "a"}).target("d");
    std::vector<bool> seen(world.graph.derivation_count());
    for (const DerivationId id : world.graph.topological_order()) {
        for (const GraphInput& input : world.graph.derivation(id).inputs) BOOST_TEST(seen[index(input.derivation)]);
        seen[index(id)] = true;
    }
}

BOOST_AUTO_TEST_CASE(a_long_chain_does_not_exhaust_the_stack) {
    World world;
    world.derivation("n0");
    for (int i = 1; i < 20'000; ++i) world.derivation("n" + std::to_string(i), {"n" + std::to_string(i - 1)});
    world.target("n19999");
    BOOST_TEST(world.graph.derivation_count() == 20'000U);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_one_derivation_with_a_flaw) {
    World world;
    world.derivation("shared").derivation("good", {"shared"}).derivation("bad", {"shared", "absent:dev", "absent"});
    world.derivation("top", {"good", "bad"}).target("top");
    BOOST_TEST(world.graph.derivation_count() == 5U);
    const auto absent = world.graph.find_derivation(derivation_path("absent"));
    BOOST_REQUIRE(absent.has_value());
    const auto& unread = world.graph.derivation(*absent);
    BOOST_TEST(unread.is_unread);
    BOOST_TEST(unread.flaw.find("its file cannot be read") == 0U);
    BOOST_TEST(unread.flaw.find("-absent.drv is not there") != std::string::npos);
    BOOST_REQUIRE(unread.outputs.size() == 2U); // those that are wanted
    const auto& bad = world.graph.derivation(*world.graph.find_derivation(derivation_path("bad")));
    BOOST_TEST(bad.flaw == "");
    BOOST_TEST(bad.inputs.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_root_that_cannot_be_read_is_a_failure_and_leaves_the_graph_as_it_was) {
    World world;
    const auto id = world.graph.add_closure(derivation_path("bad"), reader_of(world.derivations));
    BOOST_REQUIRE(!id);
    BOOST_TEST(id.error().one_line().find("-bad.drv") != std::string::npos);
    BOOST_TEST(world.graph.derivation_count() == 0U);
    world.derivation("bad").target("bad"); // and it can be added later
    BOOST_TEST(world.graph.derivation_count() == 1U);
}

BOOST_AUTO_TEST_CASE(of_several_that_make_one_fixed_output_one_that_can_be_built_here_stands_for_all) {
    const DerivationOptions mac{.fixed = true, .platform = "aarch64-darwin", .output_path = "source"};
    const DerivationOptions linux{.fixed = true, .platform = "x86_64-linux", .output_path = "source"};
    for (const bool mac_first : {true, false}) {
        World world;
        world.graph.prefer([](const GraphDerivation& derivation) { return derivation.platform == "x86_64-linux"; });
        world.derivation("curl").derivation("mac-source", {}, mac).derivation("linux-source", {"curl"}, linux);
        world.derivation("mac-user", {"mac-source"}).derivation("linux-user", {"linux-source"});
        for (const auto* user : {mac_first ? "mac-user" : "linux-user", mac_first ? "linux-user" : "mac-user"})
            world.target(user);
        const auto producer = world.graph.producer(world.path("source"));
        BOOST_REQUIRE(producer.has_value());
        BOOST_TEST(world.graph.derivation(producer->derivation).name() == "linux-source");
        // It may have been read after those that need it.
        std::vector<bool> seen(world.graph.derivation_count());
        for (const DerivationId id : world.graph.topological_order()) {
            for (const GraphInput& input : world.graph.derivation(id).inputs) {
                BOOST_TEST(seen[index(input.derivation)]);
                const auto path = world.graph.derivation(input.derivation).outputs[input.outputs[0]].path;
                BOOST_TEST(seen[index(world.graph.producer(path)->derivation)]);
            }
            seen[index(id)] = true;
        }
    }
}

BOOST_AUTO_TEST_CASE(an_output_that_is_not_there_is_a_flaw_of_who_wants_it) {
    World world;
    world.derivation("lib").derivation("user", {"lib:dev"}).target("user");
    const auto& user = world.graph.derivation(world.targets[0].derivation);
    BOOST_TEST(user.flaw.find("the output 'dev' of ") != std::string::npos);
    BOOST_REQUIRE(user.inputs.size() == 1U);
    BOOST_TEST(user.inputs[0].outputs.empty());
}

BOOST_AUTO_TEST_CASE(derivations_in_a_circle_are_a_flaw_of_one_of_them) {
    World world;
    world.derivation("a", {"b"}).derivation("b", {"c", "a"}).derivation("c").target("a");
    BOOST_TEST(world.graph.derivation_count() == 3U);
    const auto& b = world.graph.derivation(*world.graph.find_derivation(derivation_path("b")));
    BOOST_TEST(b.flaw.find("which needs it") != std::string::npos);
    BOOST_TEST(b.inputs.size() == 1U);
    BOOST_TEST(world.graph.derivation(world.targets[0].derivation).flaw == "");
}

// Tried with Nix 2.8: it fetches whatever system such a derivation names.
BOOST_AUTO_TEST_CASE(what_nix_does_itself_is_done_anywhere) {
    World world;
    world.derivation("fetched", {}, {.fixed = true, .platform = "riscv64-linux", .builder = "builtin:fetchurl"})
        .derivation("made", {}, {.platform = "riscv64-linux"});
    world.derivation("top", {"fetched", "made"}).target("top");
    const auto fits = [&](const std::string& name) {
        const auto id = *world.graph.find_derivation(derivation_path(name));
        return BuildAbility::fits(world.graph.derivation(id), world.policy.machines);
    };
    BOOST_TEST(fits("fetched"));
    BOOST_TEST(!fits("made"));
}

BOOST_AUTO_TEST_CASE(a_machine_must_fit_whole) {
    const std::vector<BuildAbility> machines = {{{"x86_64-linux"}, {"kvm"}},
                                                {{"aarch64-linux"}, {"big-parallel"}},
                                                {{"riscv64-linux"}, {"kvm"}, {"benchmark", "slow"}}};
    const auto fits = [&](const std::string& platform, std::vector<std::string> features) {
        GraphDerivation derivation{derivation_path("x"), platform, DerivationKind::compile, true, features, {}, {}, {}};
        return BuildAbility::fits(derivation, machines);
    };
    BOOST_TEST(fits("x86_64-linux", {"kvm"}));
    BOOST_TEST(!fits("x86_64-linux", {"big-parallel"}));
    BOOST_TEST(fits("builtin", {"big-parallel"}));
    BOOST_TEST(!fits("aarch64-darwin", {}));
    BOOST_TEST(fits("riscv64-linux", {"slow", "benchmark"})); // mandatory: what does not ask for them is not for it
    BOOST_TEST(fits("riscv64-linux", {"slow", "kvm", "benchmark"}));
    BOOST_TEST(!fits("riscv64-linux", {"benchmark"}));
    BOOST_TEST(!fits("riscv64-linux", {}));
}

BOOST_AUTO_TEST_SUITE_END()
