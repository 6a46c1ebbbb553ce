#include "plan/needs.hpp"
#include "world.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace cachefill;
using namespace cachefill::plan;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

void require_state(const World& world, TargetState state, std::size_t target = 0) {
    BOOST_TEST((world.state(target) == state),
               "target " << target << " is in state " << static_cast<int>(world.state(target)));
}

} // namespace

BOOST_AUTO_TEST_SUITE(planning)

BOOST_AUTO_TEST_CASE(complete_target_needs_nothing_and_asks_no_more_than_its_closure) {
    World world;
    world.derivation("glibc").derivation("gcc").derivation("top", {"glibc", "gcc"}).target("top");
    world.references("top", {"glibc"}).served(0, {"top"}).served(1, {"glibc"});
    world.settle();
    BOOST_TEST(world.builds().empty());
    BOOST_TEST(world.pushes().empty());
    require_state(world, TargetState::complete);
    BOOST_TEST(world.facts_of("gcc").asked == 0U);
    BOOST_TEST(!world.facts_of("glibc").valid_here.has_value());
}

BOOST_AUTO_TEST_CASE(missing_target_is_built_from_fetched_inputs) {
    World world;
    world.derivation("glibc").derivation("gcc").derivation("top", {"glibc", "gcc"}).target("top");
    world.references("gcc", {"glibc"}).served(1, {"glibc", "gcc"});
    world.settle();
    BOOST_TEST(world.builds() == Names{"top"}, boost::test_tools::per_element());
    BOOST_TEST(world.fetches() == (Names{"gcc", "glibc"}), boost::test_tools::per_element());
    BOOST_TEST(world.plan.bytes_to_fetch == 200U);
    require_state(world, TargetState::incomplete);
}

BOOST_AUTO_TEST_CASE(bytes_to_fetch_count_the_closure_once_and_not_what_is_here) {
    World world;
    world.derivation("a").derivation("b").derivation("c").derivation("x", {"a"}).derivation("y", {"a", "c"});
    world.derivation("top", {"x", "y"}).target("top");
    world.references("a", {"b", "c"}).served(1, {"a", "b", "c"}).valid({"c"});
    world.settle();
    BOOST_TEST(world.fetches() == Names{"a"}, boost::test_tools::per_element());
    BOOST_TEST(world.plan.bytes_to_fetch == 200U); // a and b
}

BOOST_AUTO_TEST_CASE(missing_chain_is_built_in_order_and_shared_builds_stand_once) {
    World world;
    world.derivation("base").derivation("left", {"base"}).derivation("right", {"base"});
    world.derivation("top", {"left", "right"}).target("top").target("left");
    world.settle();
    BOOST_TEST(world.builds() == (Names{"base", "left", "right", "top"}), boost::test_tools::per_element());
    BOOST_TEST(world.after("top") == (Names{"left", "right"}), boost::test_tools::per_element());
    BOOST_TEST(world.after("left") == Names{"base"}, boost::test_tools::per_element());
    BOOST_TEST(world.build("base").targets == (std::vector<std::size_t>{0, 1}), boost::test_tools::per_element());
    BOOST_TEST(world.build("right").targets == std::vector<std::size_t>{0}, boost::test_tools::per_element());
    BOOST_TEST(world.plan.targets[1].builds == (std::vector<std::size_t>{0, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(longest_chain_counts_from_a_build_to_the_last_that_waits_for_it) {
    World world;
    world.derivation("base").derivation("config", {}, {.light = true}).derivation("app", {"base"});
    world.derivation("top", {"app", "config"}, {.local = true}).target("top");
    world.settle();
    BOOST_TEST((world.build("base").longest_chain == 2010ms));
    BOOST_TEST((world.build("config").longest_chain == 20ms));
    BOOST_TEST((world.build("top").longest_chain == 10ms));
    // Of the compilations alone, which this world has measured.
    BOOST_TEST((world.plan.measured_chain == 2000ms));
    BOOST_TEST((world.plan.measured_total == 2000ms));
    BOOST_TEST(world.plan.unmeasured == 2U);
}

BOOST_AUTO_TEST_CASE(only_the_outputs_that_are_wanted_count) {
    World world;
    world.derivation("lib", {}, {.outputs = {"dev", "out"}}).derivation("top", {"lib:dev"}).target("top");
    world.served(1, {"lib:dev"});
    world.settle();
    BOOST_TEST(world.builds() == Names{"top"}, boost::test_tools::per_element());
    BOOST_TEST(world.fetches() == Names{"lib-dev"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_hole_is_mended_alone) {
    World world;
    world.derivation("unit").derivation("etc", {"unit"}).derivation("top", {"etc"}).target("top");
    world.references("top", {"etc"}).references("etc", {"unit"}).served(0, {"top", "etc"});
    world.settle();
    BOOST_TEST(world.builds() == Names{"unit"}, boost::test_tools::per_element());
    require_state(world, TargetState::incomplete);
}

BOOST_AUTO_TEST_CASE(what_the_cache_shows_with_a_foreign_signature_is_not_built_for_it) {
    World world;
    world.derivation("unit").derivation("etc", {"unit"}).derivation("top", {"etc"}).target("top");
    world.references("top", {"etc"}).references("etc", {"unit"}).served(0, {"top", "etc"});
    world.facts.of(world.path("unit")).refused = true;
    world.settle();
    BOOST_TEST(world.builds().empty());
    BOOST_TEST(world.pushes().empty());
    require_state(world, TargetState::incomplete);
    world.valid({"unit"});
    world.settle();
    BOOST_TEST(world.pushes().empty());
    require_state(world, TargetState::incomplete);
}

BOOST_AUTO_TEST_CASE(what_the_cache_shows_with_a_foreign_signature_is_built_where_a_build_needs_it) {
    World world;
    world.derivation("unit").derivation("etc", {"unit"}).derivation("top", {"etc"}).target("top");
    world.facts.of(world.path("unit")).refused = true;
    world.settle();
    BOOST_TEST(world.builds() == (Names{"unit", "etc", "top"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_holed_input_is_built_and_its_hole_filled) {
    World world;
    world.derivation("unit").derivation("etc", {"unit"}).derivation("top", {"etc"}).target("top");
    world.references("etc", {"unit"}).served(0, {"etc"});
    world.settle();
    BOOST_TEST(world.builds() == (Names{"unit", "etc", "top"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_hole_that_nobody_can_fill_is_named) {
    World world;
    world.derivation("top").target("top");
    world.references("top", {"setup.sh"}).served(1, {"top"});
    world.settle();
    BOOST_TEST(world.holes() == Names{"setup.sh"}, boost::test_tools::per_element());
    BOOST_TEST(world.builds().empty());
    require_state(world, TargetState::incomplete);
}

BOOST_AUTO_TEST_CASE(a_hole_that_is_valid_here_is_pushed) {
    World world;
    world.derivation("top").target("top");
    world.references("top", {"setup.sh"}).served(1, {"top"}).valid({"setup.sh"});
    world.settle();
    BOOST_TEST(world.pushes() == Names{"setup.sh"}, boost::test_tools::per_element());
    BOOST_TEST(world.holes().empty());
}

BOOST_AUTO_TEST_CASE(what_is_valid_here_is_pushed_with_what_it_references) {
    World world;
    world.derivation("glibc").derivation("lib", {"glibc"}).derivation("top", {"lib"}).target("top");
    world.references("top", {"lib"}).references("lib", {"glibc"}).served(1, {"glibc"}).valid({"top", "lib", "glibc"});
    world.settle();
    BOOST_TEST(world.builds().empty());
    BOOST_TEST(world.pushes() == (Names{"lib", "top"}), boost::test_tools::per_element());
    BOOST_TEST(world.plan.targets[0].pushes.size() == 2U);
    require_state(world, TargetState::incomplete);
}

BOOST_AUTO_TEST_CASE(a_valid_input_is_used_and_pushed) {
    World world;
    world.derivation("lib").derivation("top", {"lib"}).target("top").valid({"lib"});
    world.settle();
    BOOST_TEST(world.builds() == Names{"top"}, boost::test_tools::per_element());
    BOOST_TEST(world.pushes() == Names{"lib"}, boost::test_tools::per_element());
    BOOST_TEST(world.fetches().empty());
}

BOOST_AUTO_TEST_CASE(sources_that_are_here_are_not_asked_for) {
    World world;
    world.derivation("top", {}, {.sources = {"setup.sh"}}).target("top");
    world.settle();
    BOOST_TEST(world.builds() == Names{"top"}, boost::test_tools::per_element());
    BOOST_TEST(world.facts_of("setup.sh").asked == 0U);
    BOOST_TEST(world.pushes().empty());
}

BOOST_AUTO_TEST_CASE(a_source_that_is_not_here_is_fetched) {
    World world;
    world.derivation("top", {}, {.sources = {"setup.sh"}}).target("top").served(1, {"setup.sh"});
    world.simulated.store.clear();
    world.settle();
    BOOST_TEST(world.builds() == Names{"top"}, boost::test_tools::per_element());
    BOOST_TEST(world.fetches() == Names{"setup.sh"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_source_that_nobody_has_stops_the_build_and_is_named) {
    World world;
    world.derivation("lib").derivation("top", {"lib"}, {.sources = {"setup.sh"}}).target("top");
    world.simulated.store.clear();
    world.settle();
    BOOST_TEST(world.builds() == Names{"lib"}, boost::test_tools::per_element());
    BOOST_REQUIRE(world.plan.blocked.size() == 1U);
    BOOST_TEST(world.graph.derivation(world.plan.blocked[0].derivation).name() == "top");
    BOOST_TEST(!world.plan.blocked[0].by.has_value());
    BOOST_TEST(world.holes() == Names{"setup.sh"}, boost::test_tools::per_element());
    require_state(world, TargetState::incomplete);
}

BOOST_AUTO_TEST_CASE(present_but_out_of_this_machines_reach_is_built_and_the_cache_named) {
    World world;
    world.derivation("lib").derivation("top", {"lib"}).target("top").served(1, {"lib"});
    world.policy.fetchable_here = 0b01;
    world.settle();
    BOOST_TEST(world.builds() == (Names{"lib", "top"}), boost::test_tools::per_element());
    BOOST_REQUIRE(world.plan.not_fetchable_here.size() == 1U);
    BOOST_TEST((world.plan.not_fetchable_here[0].path == world.path("lib")));
    BOOST_TEST(world.plan.not_fetchable_here[0].cache == 1U);
}

BOOST_AUTO_TEST_CASE(a_reference_out_of_reach_keeps_an_input_from_being_fetched) {
    World world;
    world.derivation("glibc").derivation("lib", {"glibc"}).derivation("top", {"lib"}).target("top");
    world.references("lib", {"glibc"}).served(0, {"lib"}).served(1, {"glibc"});
    world.policy.fetchable_here = 0b01;
    world.settle();
    BOOST_TEST(world.builds() == (Names{"glibc", "lib", "top"}), boost::test_tools::per_element());
    BOOST_TEST(world.plan.not_fetchable_here.size() == 2U);
}

BOOST_AUTO_TEST_CASE(another_cache_is_asked_if_the_first_is_out_of_reach) {
    World world;
    world.derivation("lib").derivation("top", {"lib"}).target("top").served(0, {"lib"}).served(1, {"lib"});
    world.policy.fetchable_here = 0b10;
    world.settle();
    BOOST_TEST(world.builds() == Names{"top"}, boost::test_tools::per_element());
    BOOST_TEST(world.fetches() == Names{"lib"}, boost::test_tools::per_element());
    BOOST_TEST(world.plan.not_fetchable_here.empty());
}

BOOST_AUTO_TEST_CASE(what_is_present_without_being_reachable_needs_no_build_for_a_consumer) {
    World world;
    world.derivation("top").target("top").served(1, {"top"});
    world.policy.fetchable_here = 0;
    world.settle();
    BOOST_TEST(world.builds().empty());
    BOOST_TEST(world.plan.not_fetchable_here.empty());
    require_state(world, TargetState::complete);
}

BOOST_AUTO_TEST_CASE(a_target_for_another_platform_is_elsewhere_and_nothing_is_built_for_it) {
    World world;
    world.derivation("lib").derivation("top", {"lib"}, {.local = true, .platform = "aarch64-linux"}).target("top");
    world.settle();
    BOOST_TEST(world.builds().empty());
    BOOST_TEST(world.names(world.plan.elsewhere) == Names{"top"}, boost::test_tools::per_element());
    BOOST_TEST(world.names(world.plan.targets[0].elsewhere) == Names{"top"}, boost::test_tools::per_element());
    require_state(world, TargetState::elsewhere);
    BOOST_TEST(world.facts_of("lib").asked == 0U);
}

BOOST_AUTO_TEST_CASE(what_an_elsewhere_target_shares_is_built_for_the_other) {
    World world;
    world.derivation("lib").derivation("arm", {"lib"}, {.local = true, .platform = "aarch64-linux"});
    world.derivation("intel", {"lib"}).target("arm").target("intel");
    world.settle();
    BOOST_TEST(world.builds() == (Names{"lib", "intel"}), boost::test_tools::per_element());
    require_state(world, TargetState::elsewhere, 0);
    require_state(world, TargetState::incomplete, 1);
    BOOST_TEST(world.build("lib").targets == std::vector<std::size_t>{1}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_elsewhere_target_that_is_there_is_complete) {
    World world;
    world.derivation("lib").derivation("top", {"lib"}, {.local = true, .platform = "aarch64-linux"}).target("top");
    world.served(0, {"top", "lib"});
    world.settle();
    require_state(world, TargetState::complete);
}

BOOST_AUTO_TEST_CASE(a_feature_that_nobody_has_stops_what_needs_it_and_no_more) {
    World world;
    world.derivation("other").derivation("image", {}, {.features = {"nixos-test"}}).derivation("app", {"image"});
    world.derivation("top", {"app", "other"}, {.local = true}).target("top");
    world.settle();
    BOOST_TEST(world.builds() == Names{"other"}, boost::test_tools::per_element());
    BOOST_TEST(world.names(world.plan.elsewhere) == Names{"image"}, boost::test_tools::per_element());
    BOOST_TEST(world.names(world.plan.targets[0].elsewhere) == Names{"image"}, boost::test_tools::per_element());
    require_state(world, TargetState::incomplete);
}

BOOST_AUTO_TEST_CASE(whatever_else_is_needed_by_what_cannot_be_built_is_built_all_the_same) {
    World world;
    world.derivation("lib").derivation("image", {"gcc"}, {.features = {"nixos-test"}}).derivation("app", {"image"});
    world.derivation("top", {"app", "lib"}).derivation("gcc").target("top");
    world.settle();
    BOOST_TEST(world.builds() == Names{"lib"}, boost::test_tools::per_element());
    BOOST_TEST(world.names(world.plan.elsewhere) == Names{"image"}, boost::test_tools::per_element());
    Names blocked;
    for (const auto& entry : world.plan.blocked) {
        blocked.emplace_back(world.graph.derivation(entry.derivation).name());
        BOOST_REQUIRE(entry.by.has_value());
        BOOST_TEST(world.graph.derivation(*entry.by).name() == "image");
    }
    BOOST_TEST(blocked == (Names{"app", "top"}), boost::test_tools::per_element());
    require_state(world, TargetState::incomplete);
    world.execute();
    world.settle();
    BOOST_TEST(world.builds().empty());
    require_state(world, TargetState::elsewhere);
}

BOOST_AUTO_TEST_CASE(what_nix_refuses_is_planned_like_any_other_so_that_it_costs_only_itself) {
    World world;
    world.derivation("gcc").derivation("lib").derivation("odd", {"gcc", "absent"}, {.flaw = "no"});
    world.derivation("app", {"odd"}).derivation("top", {"app", "lib"}).target("top");
    world.settle();
    auto builds = world.builds();
    std::sort(builds.begin(), builds.end());
    BOOST_TEST(builds == (Names{"absent", "app", "gcc", "lib", "odd", "top"}), boost::test_tools::per_element());
    BOOST_TEST(world.plan.blocked.empty());
    BOOST_TEST(world.plan.unplannable.empty()); // nobody knows what the one that cannot be read would make
    require_state(world, TargetState::incomplete);
}

BOOST_AUTO_TEST_CASE(a_complete_target_demands_the_inputs_of_what_a_consumer_builds_by_design) {
    World world;
    world.derivation("gcc")
        .derivation("perl")
        .derivation("script", {"perl"}, {.local = true})
        .derivation("app", {"gcc"});
    world.derivation("top", {"script", "app"}, {.local = true}).target("top");
    world.served(0, {"top", "script", "app"});
    world.settle();
    BOOST_TEST(world.builds() == Names{"perl"}, boost::test_tools::per_element()); // and not gcc: app is fetched
    require_state(world, TargetState::incomplete);
}

BOOST_AUTO_TEST_CASE(what_evaluation_built_is_demanded_as_well) {
    World world;
    world.derivation("parser").derivation("generated", {"parser"}).derivation("top").target("top").served(0, {"top"});
    const auto generated = world.graph.add_closure(derivation_path("generated"), reader_of(world.derivations)).value();
    world.targets[0].read_by_evaluation = {{generated, {0}}};
    world.valid({"generated"});
    world.settle();
    BOOST_TEST(world.pushes() == Names{"generated"}, boost::test_tools::per_element());
    BOOST_TEST(world.builds().empty());
}

BOOST_AUTO_TEST_CASE(of_what_evaluation_reads_only_the_outputs_that_it_reads_are_demanded) {
    World world;
    world.derivation("split", {}, {.outputs = {"out", "dev"}}).derivation("top").target("top").served(0, {"top"});
    const auto split = world.graph.add_closure(derivation_path("split"), reader_of(world.derivations)).value();
    world.targets[0].read_by_evaluation = {{split, {1}}};
    world.valid({"split:dev"});
    world.settle();
    BOOST_TEST(world.pushes() == Names{"split-dev"}, boost::test_tools::per_element());
    BOOST_TEST(world.builds().empty());
    const auto needed = needed_paths(world.graph, world.targets[0]);
    BOOST_TEST(world.names(needed) == (Names{"split-dev", "top"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_evaluation_reads_and_everybody_builds_by_design_needs_its_inputs) {
    World world;
    world.derivation("tool").derivation("text", {"tool"}, {.local = true}).derivation("top").target("top");
    world.served(0, {"top", "text"}).valid({"text"});
    const auto text = world.graph.add_closure(derivation_path("text"), reader_of(world.derivations)).value();
    world.targets[0].read_by_evaluation = {{text, {0}}};
    world.settle();
    BOOST_TEST(world.builds() == Names{"tool"}, boost::test_tools::per_element());
    require_state(world, TargetState::incomplete);
    BOOST_TEST(world.explain("tool").back() == "The evaluation of target nixos:top needs text.");
    const auto needed = needed_paths(world.graph, world.targets[0]);
    BOOST_TEST(world.names(needed).size() == 3U);
}

BOOST_AUTO_TEST_CASE(what_is_built_for_one_target_may_be_there_for_another) {
    World world;
    world.derivation("shared").derivation("a", {"shared"}).derivation("b", {"shared"});
    world.target("a", 0b11).target("b", 0b01).references("a", {"shared"}).references("b", {"shared"});
    world.served(1, {"shared"}).served(0, {"a", "b"});
    world.settle();
    BOOST_TEST(world.builds() == Names{"shared"}, boost::test_tools::per_element());
    require_state(world, TargetState::incomplete);
    // What only the one that trusts more would be asked, a plan leaves out.
    world.facts_of("shared").asked |= 0b11;
    world.facts_of("shared").present |= 0b10;
    BOOST_TEST(lacking_alone(world.graph, world.facts, world.targets[0]).is_nothing());
    const auto lacking = lacking_alone(world.graph, world.facts, world.targets[1]);
    BOOST_TEST(lacking.missing.contains(world.path("shared")));
    BOOST_TEST(lacking.undecided.empty());
}

BOOST_AUTO_TEST_CASE(what_is_reached_only_through_what_is_not_built_is_not_reached) {
    World world;
    world.derivation("gcc").derivation("zlib").derivation("addressed", {"gcc"});
    world.derivation("top", {"addressed", "zlib"}).target("top");
    const auto id = [&](const std::string& name) { return *world.graph.find_derivation(derivation_path(name)); };
    const auto reached = [&](std::set<DerivationId> builds) {
        const auto found = reached_from(world.graph, id("top"), builds);
        return world.names(std::vector<DerivationId>(found.begin(), found.end())).size();
    };
    BOOST_TEST(reached({id("top"), id("zlib"), id("gcc")}) == 2U);
    BOOST_TEST(reached({id("top"), id("zlib"), id("gcc"), id("addressed")}) == 4U);
    BOOST_TEST(reached({id("zlib"), id("gcc")}) == 0U);
}

BOOST_AUTO_TEST_CASE(an_upstream_counts_only_if_all_targets_that_reach_a_path_trust_it) {
    World world;
    world.derivation("shared").derivation("own").derivation("a", {"shared", "own"}, {.local = true});
    world.derivation("b", {"shared"}, {.local = true}).target("a", 0b11).target("b", 0b01);
    world.served(1, {"shared", "own"}).served(0, {"a", "b"});
    world.settle();
    BOOST_TEST(world.builds() == Names{"shared"}, boost::test_tools::per_element());
    BOOST_TEST(world.facts_of("shared").asked == 0b01U);
    require_state(world, TargetState::incomplete, 1);
}

BOOST_AUTO_TEST_CASE(a_reference_counts_like_its_referrers) {
    World world;
    world.derivation("a").derivation("b").derivation("unreached").target("a", 0b111).target("b", 0b011);
    world.references("a", {"x", "y"}).references("b", {"x"}).served(0, {"a", "b"}).served(2, {"x", "y"});
    world.settle();
    const auto counting = counting_caches(world.graph, world.facts, world.targets);
    BOOST_TEST(counting[index(world.path("x"))] == 0b011U);
    BOOST_TEST(counting[index(world.path("y"))] == 0b111U);
    BOOST_TEST(counting_caches(world.graph, world.facts, {})[index(world.path("a"))] == ~CacheMask{0});
    BOOST_TEST(world.holes() == Names{"x"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(claimed_but_served_by_nobody_is_absent) {
    World world;
    world.derivation("top").target("top");
    world.facts_of("top").claimed_there = true;
    world.settle();
    BOOST_TEST(world.builds() == Names{"top"}, boost::test_tools::per_element());
    BOOST_TEST(world.facts_of("top").asked == 0b11U);
}

BOOST_AUTO_TEST_CASE(claimed_missing_is_not_asked_of_the_own_cache) {
    World world;
    world.derivation("top").target("top");
    world.facts_of("top").claimed_missing = true;
    world.settle();
    BOOST_TEST(world.builds() == Names{"top"}, boost::test_tools::per_element());
    BOOST_TEST(world.facts_of("top").asked == 0b10U);
}

BOOST_AUTO_TEST_CASE(unplannable_is_built_each_run_with_what_it_needs) {
    World world;
    world.derivation("gcc").derivation("floating", {"gcc"}, {.floating = true});
    world.derivation("deferred", {"floating"}, {.floating = true}).target("deferred").served(1, {"gcc"});
    world.settle();
    BOOST_TEST(world.builds() == (Names{"floating", "deferred"}), boost::test_tools::per_element());
    BOOST_TEST(world.names(world.plan.unplannable) == (Names{"floating", "deferred"}),
               boost::test_tools::per_element());
    BOOST_TEST(world.after("deferred") == Names{"floating"}, boost::test_tools::per_element());
    BOOST_TEST(world.fetches() == Names{"gcc"}, boost::test_tools::per_element());
    require_state(world, TargetState::incomplete);
    world.execute();
    world.settle();
    BOOST_TEST(world.builds().size() == 2U);
}

BOOST_AUTO_TEST_CASE(one_of_several_derivations_that_make_the_same_fixed_output_is_enough) {
    World world;
    world.derivation("fetch1", {}, {.fixed = true, .output_path = "tarball"});
    world.derivation("fetch2", {}, {.fixed = true, .output_path = "tarball"});
    world.derivation("a", {"fetch1"}).derivation("b", {"fetch2"}).derivation("top", {"a", "b"}).target("top");
    world.settle();
    BOOST_TEST(world.builds() == (Names{"fetch1", "a", "b", "top"}), boost::test_tools::per_element());
    BOOST_TEST(world.after("b") == Names{"fetch1"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(circles_of_references_end_and_a_hole_in_one_is_seen_from_everywhere) {
    World world;
    world.derivation("hole").derivation("lib", {"hole"}).derivation("app", {"lib"}).derivation("top", {"app"});
    world.target("top").references("app", {"lib"}).references("lib", {"app", "hole"}).served(1, {"app", "lib"});
    world.settle();
    BOOST_TEST(world.builds() == (Names{"hole", "lib", "app", "top"}), boost::test_tools::per_element());
    std::vector<PathId> holes;
    const auto counting = counting_caches(world.graph, world.facts, world.targets);
    BOOST_TEST((completeness(world.path("app"), world.facts, counting, &holes) == Completeness::holed));
    BOOST_TEST(world.names(holes) == Names{"hole"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(completeness_is_unknown_until_the_whole_closure_is) {
    World world;
    world.derivation("top").target("top");
    const auto of = [&] {
        return completeness(world.path("top"), world.facts, counting_caches(world.graph, world.facts, world.targets));
    };
    BOOST_TEST((of() == Completeness::unknown));
    PathFacts& top = world.facts_of("top");
    top.asked = top.present = 1;
    BOOST_TEST((of() == Completeness::unknown)); // its references are not known
    top.references_known = true;
    BOOST_TEST((of() == Completeness::complete));
    const PathId lib = world.path("lib");
    world.facts_of("top").references = {lib};
    BOOST_TEST((of() == Completeness::unknown));
    world.facts_of("lib").asked = 0b11;
    BOOST_TEST((of() == Completeness::holed));
    world.facts_of("top").present = 0;
    world.facts_of("top").asked = 0b11;
    BOOST_TEST((of() == Completeness::absent));
}

BOOST_AUTO_TEST_CASE(all_that_evaluation_demands_is_asked_at_once) {
    World world;
    world.derivation("n0", {}, {.local = true});
    for (int i = 1; i < 30; ++i)
        world.derivation("n" + std::to_string(i), {"n" + std::to_string(i - 1)}, {.local = true});
    world.target("n29");
    const Plan plan = make_plan(world.graph, world.facts, world.targets, world.policy);
    BOOST_TEST(plan.questions.remote.size() == 30U);
    BOOST_TEST((plan.targets[0].state == TargetState::unknown));
    world.settle();
    BOOST_TEST(world.builds().size() == 30U);
    BOOST_TEST(world.rounds == 2U); // all caches, then the store
}

BOOST_AUTO_TEST_CASE(what_is_certain_is_planned_while_questions_are_open) {
    World world;
    world.derivation("ready").derivation("slow").derivation("top", {"ready", "slow"}, {.local = true}).target("top");
    for (const char* name : {"ready", "top"}) {
        world.facts_of(name).asked = 0b11;
        world.facts_of(name).valid_here = false;
    }
    const Plan plan = make_plan(world.graph, world.facts, world.targets, world.policy);
    BOOST_TEST(!plan.questions.empty());
    BOOST_REQUIRE(plan.builds.size() == 1U);
    BOOST_TEST(world.graph.derivation(plan.builds[0].derivation).name() == "ready");
}

BOOST_AUTO_TEST_CASE(more_targets_than_bits_are_told_apart) {
    World world;
    for (int i = 0; i < 130; ++i) world.derivation("n" + std::to_string(i)).target("n" + std::to_string(i));
    world.served(0, {"n70"});
    world.settle();
    BOOST_TEST(world.builds().size() == 129U);
    require_state(world, TargetState::complete, 70);
    BOOST_TEST(world.build("n129").targets == std::vector<std::size_t>{129}, boost::test_tools::per_element());
    BOOST_TEST(world.plan.targets[65].builds.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_deferred_build_and_what_only_it_needs_come_last) {
    World world;
    world.derivation("shared").derivation("rust").derivation("browser", {"shared", "rust"});
    world.derivation("shell", {"shared"}).derivation("top", {"browser", "shell"}, {.local = true}).target("top");
    world.policy.is_deferred = [](const GraphDerivation& derivation) { return derivation.name() == "browser"; };
    world.settle();
    for (const auto* name : {"rust", "browser"}) BOOST_TEST(world.build(name).last, name);
    for (const auto* name : {"shared", "shell", "top"}) BOOST_TEST(!world.build(name).last, name);
    BOOST_TEST(world.build("browser").deferred);
    BOOST_TEST(!world.build("rust").deferred);
}

BOOST_AUTO_TEST_CASE(what_a_consumer_wants_itself_does_not_come_last_for_the_sake_of_a_deferred_build) {
    World world;
    world.derivation("library").derivation("browser", {"library"});
    world.target("library").target("browser");
    world.policy.is_deferred = [](const GraphDerivation& derivation) { return derivation.name() == "browser"; };
    world.settle();
    BOOST_TEST(!world.build("library").last);
    BOOST_TEST(world.build("browser").last);
}

BOOST_AUTO_TEST_CASE(what_a_silent_cache_may_have_is_neither_built_nor_pushed_and_named) {
    World world;
    world.derivation("glibc").derivation("tool").derivation("own", {"glibc"}).derivation("top", {"tool", "own"});
    world.target("top").served(1, {"glibc"});
    world.facts_of("tool").unknown = bit(1);
    world.settle();
    BOOST_TEST(world.builds() == Names{"own"}, boost::test_tools::per_element());
    BOOST_TEST(world.names(world.plan.undecided) == Names{"tool"}, boost::test_tools::per_element());
    require_state(world, TargetState::unknown);
}

BOOST_AUTO_TEST_CASE(while_a_cache_is_away_what_does_not_hang_on_its_answers_goes_on) {
    World world;
    world.derivation("tool").derivation("own").derivation("top", {"tool", "own"}).target("top");
    for (const auto* known : {"own", "top"}) {
        world.facts_of(known).asked = all_caches;
        world.facts_of(known).valid_here = false;
    }
    world.plan = make_plan(world.graph, world.facts, world.targets, world.policy);
    BOOST_TEST(world.builds().empty());
    world.policy.does_not_wait = true;
    world.plan = make_plan(world.graph, world.facts, world.targets, world.policy);
    BOOST_TEST(world.builds() == Names{"own"}, boost::test_tools::per_element());
    BOOST_TEST(!world.plan.questions.empty());
}

BOOST_AUTO_TEST_CASE(what_is_here_and_perhaps_elsewhere_is_not_pushed) {
    World world;
    world.derivation("top").target("top").valid({"top"});
    world.facts_of("top").unknown = bit(1);
    world.settle();
    BOOST_TEST(world.pushes().empty());
    BOOST_TEST(world.names(world.plan.undecided) == Names{"top"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_own_caches_bulk_answer_decides_whatever_its_narinfos_did) {
    World world;
    world.derivation("top").target("top");
    world.facts_of("top").unknown = bit(own_cache);
    world.facts_of("top").claimed_missing = true;
    world.settle();
    BOOST_TEST(world.builds() == Names{"top"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(another_cache_that_has_it_settles_what_one_could_not_say) {
    World world;
    world.derivation("lib").derivation("top", {"lib"}).target("top").served(0, {"lib"});
    world.facts_of("lib").unknown = bit(1);
    world.settle();
    BOOST_TEST(world.builds() == Names{"top"}, boost::test_tools::per_element());
    BOOST_TEST(world.fetches() == Names{"lib"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_output_that_is_wanted_is_not_the_first_by_name) {
    World world;
    world.derivation("lib", {}, {.outputs = {"bin", "dev", "man", "out"}});
    world.derivation("app", {"lib:dev", "lib:out"}).derivation("docs", {"lib:man"}).derivation("other");
    world.derivation("top", {"app", "docs", "other"}).target("top");
    world.settle();
    auto id = [&](const std::string& name) { return world.build(name).derivation; };
    BOOST_TEST((wanted_output(world.graph, id("lib"), id("app")) == world.path("lib")));
    BOOST_TEST((wanted_output(world.graph, id("lib"), id("docs")) == world.path("lib:man")));
    BOOST_TEST((wanted_output(world.graph, id("lib"), id("other")) == no_path));
}

BOOST_AUTO_TEST_SUITE_END()
