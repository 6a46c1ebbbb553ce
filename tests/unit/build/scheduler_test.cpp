#include "build/scheduler.hpp"
#include "chain.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::build;
using plan::DerivationId;
using plan::PathId;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

DerivationId take_one(Scheduler& scheduler) {
    auto taken = scheduler.take_builds(this_machine, 8, 2);
    BOOST_REQUIRE(taken.size() == 1U);
    return taken[0];
}

} // namespace

BOOST_AUTO_TEST_SUITE(scheduler)

BOOST_AUTO_TEST_CASE(the_longest_chain_goes_first_and_inputs_before_what_needs_them) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    scheduler.update(chain.plan(), chain.machines);
    BOOST_TEST((take_one(scheduler) == chain.a));
    BOOST_TEST((take_one(scheduler) == chain.d));
    BOOST_TEST(scheduler.take_builds(this_machine, 8, 2).empty());
    scheduler.build_succeeded(chain.a);
    BOOST_TEST((take_one(scheduler) == chain.b));
    BOOST_TEST(!scheduler.is_idle());
    scheduler.build_succeeded(chain.b);
    BOOST_TEST((take_one(scheduler) == chain.c));
    scheduler.build_succeeded(chain.c);
    scheduler.build_succeeded(chain.d);
    BOOST_TEST(scheduler.is_idle());
}

BOOST_AUTO_TEST_CASE(a_failure_blocks_what_depends_on_it_and_nothing_else) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    scheduler.update(chain.plan(), chain.machines);
    take_one(scheduler);
    auto blocked = scheduler.build_failed(chain.a);
    BOOST_TEST(blocked.size() == 2U);
    BOOST_TEST((scheduler.blocker(chain.c) == chain.a));
    BOOST_TEST((take_one(scheduler) == chain.d));
    scheduler.build_succeeded(chain.d);
    BOOST_TEST(scheduler.is_idle());
    scheduler.update(chain.plan(), chain.machines); // a newer plan does not revive what failed
    BOOST_TEST(scheduler.is_idle());
}

BOOST_AUTO_TEST_CASE(to_free_room_that_is_taken_after_which_most_can_go) {
    Chain chain; // b needs a, c needs b; d needs nothing
    Scheduler scheduler(chain.graph);
    scheduler.update(chain.plan(), chain.machines);
    std::map<DerivationId, std::uint64_t> bytes;
    auto deletable = [&bytes](DerivationId id) { return bytes[id]; };
    BOOST_TEST(!scheduler.take_to_free_room(this_machine, deletable)); // neither has inputs
    BOOST_TEST((take_one(scheduler) == chain.a));
    scheduler.build_succeeded(chain.a);
    BOOST_TEST(!scheduler.take_to_free_room(this_machine, deletable)); // a is not ours to delete
    bytes[chain.a] = 10;
    BOOST_TEST(!scheduler.take_to_free_room(1, deletable)); // who is that?
    BOOST_TEST((scheduler.take_to_free_room(this_machine, deletable) == chain.b));
    BOOST_TEST((scheduler.state(chain.b) == Scheduler::State::running));
    BOOST_TEST(!scheduler.take_to_free_room(this_machine, deletable)); // d is left, after which nothing can go
    BOOST_TEST((take_one(scheduler) == chain.d));
}

BOOST_AUTO_TEST_CASE(what_another_machine_is_to_build_is_held_with_all_that_needs_it_until_a_plan_comes) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    auto plan = chain.plan();
    scheduler.update(plan, chain.machines);
    BOOST_TEST(scheduler.ready() == 2U);
    BOOST_TEST((take_one(scheduler) == chain.a));
    BOOST_TEST(!scheduler.hold(chain.a)); // it runs
    BOOST_TEST(scheduler.hold(chain.b));
    BOOST_TEST(scheduler.hold(chain.d));
    BOOST_TEST(scheduler.ready() == 0U);
    scheduler.build_succeeded(chain.a);
    BOOST_TEST(scheduler.take_builds(this_machine, 8, 2).empty());
    scheduler.update(plan, chain.machines);
    BOOST_TEST((take_one(scheduler) == chain.b));
    BOOST_TEST((take_one(scheduler) == chain.d));
}

BOOST_AUTO_TEST_CASE(a_build_waits_for_its_fetches_and_a_failed_fetch_for_another_way) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    auto wanted = chain.graph.intern(path_of('9', "source"));
    auto plan = chain.plan();
    plan.builds[0].fetch = {wanted};
    scheduler.update(plan, chain.machines);
    BOOST_TEST((take_one(scheduler) == chain.d));
    BOOST_TEST((scheduler.take_fetch() == wanted));
    BOOST_TEST(scheduler.is_needed(wanted));
    scheduler.fetch_failed(wanted);
    BOOST_TEST(!scheduler.has_ready());
    plan.builds[0].fetch.clear();
    scheduler.update(plan, chain.machines);
    BOOST_TEST((take_one(scheduler) == chain.a));
}

BOOST_AUTO_TEST_CASE(inputs_are_fetched_for_what_runs_next_and_not_further_ahead) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    auto of_b = chain.graph.intern(path_of('8', "of-b")), of_c = chain.graph.intern(path_of('9', "of-c"));
    auto plan = chain.plan();
    plan.builds[2].fetch = {of_b};
    plan.builds[3].fetch = {of_b, of_c};
    scheduler.update(plan, chain.machines);
    BOOST_TEST(!scheduler.take_fetch().has_value()); // a has not begun
    BOOST_TEST((take_one(scheduler) == chain.a));
    BOOST_TEST((scheduler.take_fetch() == of_b));
    BOOST_TEST(!scheduler.take_fetch().has_value()); // c waits for more than what runs
    scheduler.fetch_succeeded(of_b);
    BOOST_TEST((take_one(scheduler) == chain.d));
    scheduler.build_succeeded(chain.a);
    scheduler.build_succeeded(chain.d);
    BOOST_TEST(!scheduler.take_fetch().has_value());
    BOOST_TEST((take_one(scheduler) == chain.b));
    scheduler.update(plan, chain.machines);
    BOOST_TEST((scheduler.take_fetch() == of_c));
    scheduler.build_succeeded(chain.b);
    BOOST_TEST(!scheduler.has_ready());
    scheduler.fetch_succeeded(of_c);
    BOOST_TEST((take_one(scheduler) == chain.c));
    scheduler.build_succeeded(chain.c);
    BOOST_TEST(scheduler.is_idle());
}

BOOST_AUTO_TEST_CASE(what_others_build_is_forgotten_unless_it_has_begun) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    auto of_b = chain.graph.intern(path_of('8', "of-b")), of_a = chain.graph.intern(path_of('6', "a"));
    auto plan = chain.plan();
    scheduler.update(plan, chain.machines);
    BOOST_TEST((take_one(scheduler) == chain.a));
    plan::Plan share;
    share.builds = {plan.builds[2], plan.builds[3]};
    share.builds[0].after = {};
    share.builds[0].fetch = {of_a, of_b};
    share.builds[1].after = {0};
    share.of_others = {chain.a, chain.d};
    scheduler.update(share, chain.machines);
    BOOST_TEST(!scheduler.state(chain.d).has_value());
    BOOST_TEST((scheduler.state(chain.a) == Scheduler::State::running));
    BOOST_TEST(!scheduler.has_ready());
    auto is_there = [&](PathId path) { return path != of_a; };
    BOOST_TEST((scheduler.take_fetch(true, is_there) == of_b));
    scheduler.fetch_succeeded(of_b);
    BOOST_TEST(!scheduler.take_fetch(true, is_there).has_value());
    scheduler.build_succeeded(chain.a);
    BOOST_TEST(!scheduler.is_idle()); // what others build is waited for
    BOOST_TEST((scheduler.take_fetch() == of_a));
    scheduler.fetch_succeeded(of_a);
    BOOST_TEST((take_one(scheduler) == chain.b));
    share.of_others = {chain.c}; // a shard that was late takes it
    share.builds.pop_back();
    scheduler.update(share, chain.machines);
    scheduler.build_succeeded(chain.b);
    BOOST_TEST(scheduler.is_idle());
}

BOOST_AUTO_TEST_CASE(nobody_fetches_for_what_others_build) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    auto wanted = chain.graph.intern(path_of('8', "source"));
    auto plan = chain.plan();
    plan.builds[1].fetch = {wanted}; // d
    scheduler.update(plan, chain.machines);
    plan.of_others = {chain.d};
    plan.builds.erase(plan.builds.begin() + 1);
    plan.builds[2].after = {1};
    scheduler.update(plan, chain.machines);
    BOOST_TEST(!scheduler.take_fetch().has_value());
    BOOST_TEST(!scheduler.is_needed(wanted));
}

BOOST_AUTO_TEST_CASE(what_was_waited_for_and_failed_elsewhere_is_no_longer_waited_for) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    auto of_a = chain.graph.intern(path_of('6', "a"));
    auto plan = chain.plan();
    plan::Plan share;
    share.builds = {plan.builds[2]};
    share.builds[0].after = {};
    share.builds[0].fetch = {of_a};
    share.of_others = {chain.a};
    scheduler.update(share, chain.machines);
    BOOST_TEST(!scheduler.is_idle());
    share.builds = {plan.builds[0], plan.builds[2]};
    share.builds[0].failed_elsewhere = plan::FailedElsewhere{.why = "failed on shard 2", .log_tail = {}};
    share.builds[1].after = {0};
    share.of_others.clear();
    scheduler.update(share, chain.machines);
    BOOST_TEST((scheduler.blocker(chain.b) == chain.a));
    BOOST_TEST(scheduler.is_idle());
}

BOOST_AUTO_TEST_CASE(what_failed_elsewhere_fails_at_once_and_blocks) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    auto plan = chain.plan();
    scheduler.update(plan, chain.machines);
    plan.builds[0].failed_elsewhere = plan::FailedElsewhere{.why = "failed on shard 2", .log_tail = {}};
    auto ended = scheduler.update(plan, chain.machines);
    BOOST_TEST(ended.size() == 3U);
    BOOST_TEST((ended.front() == chain.a));
    BOOST_TEST((scheduler.blocker(chain.c) == chain.a));
    BOOST_TEST((take_one(scheduler) == chain.d));
}

BOOST_AUTO_TEST_CASE(what_a_failure_blocks_needs_no_inputs_any_more) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    auto of_b = chain.graph.intern(path_of('8', "of-b")), shared = chain.graph.intern(path_of('9', "shared"));
    auto plan = chain.plan();
    plan.builds[1].fetch = {shared}; // d
    plan.builds[2].fetch = {of_b, shared};
    scheduler.update(plan, chain.machines);
    BOOST_TEST((take_one(scheduler) == chain.a));
    scheduler.build_failed(chain.a);
    BOOST_TEST((scheduler.take_fetch() == shared));
    BOOST_TEST(!scheduler.take_fetch().has_value());
    scheduler.fetch_returned(shared);
    BOOST_TEST((scheduler.take_fetch() == shared));
    scheduler.fetch_succeeded(shared);
    BOOST_TEST((take_one(scheduler) == chain.d));
    scheduler.build_succeeded(chain.d);
    BOOST_TEST(scheduler.is_idle());
}

BOOST_AUTO_TEST_CASE(while_something_runs_inputs_are_fetched_ahead_for_one_of_those_behind_it) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    auto of_b = chain.graph.intern(path_of('8', "of-b")), of_d = chain.graph.intern(path_of('9', "of-d"));
    auto plan = chain.plan();
    plan.builds[1].after = {0}; // d waits for a as b does, and is more urgent
    plan.builds[1].fetch = {of_d};
    plan.builds[1].longest_chain = 25s;
    plan.builds[2].fetch = {of_b};
    scheduler.update(plan, chain.machines);
    BOOST_TEST((take_one(scheduler) == chain.a));
    BOOST_TEST((scheduler.take_fetch() == of_d));
    BOOST_TEST(!scheduler.take_fetch().has_value());
    scheduler.build_succeeded(chain.a);
    BOOST_TEST((scheduler.take_fetch() == of_b));
}

BOOST_AUTO_TEST_CASE(a_build_lost_with_the_daemon_is_offered_again) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    scheduler.update(chain.plan(), chain.machines);
    auto first = take_one(scheduler);
    scheduler.build_returned(first);
    BOOST_TEST((take_one(scheduler) == first));
}

BOOST_AUTO_TEST_CASE(what_compiles_is_for_whoever_is_free_and_never_for_two) {
    Chain chain;
    chain.machines.push_back({.platforms = {"x86_64-linux"}, .features = {}});
    Scheduler scheduler(chain.graph);
    scheduler.update(chain.plan(), chain.machines);
    BOOST_TEST((scheduler.crew(chain.a) == Crew{0, 1}));
    BOOST_TEST((scheduler.take_builds(1, 1, 1) == std::vector{chain.a}));
    BOOST_TEST((take_one(scheduler) == chain.d));
    BOOST_TEST(scheduler.take_builds(1, 1, 1).empty());
    scheduler.build_succeeded(chain.a);
    BOOST_TEST((take_one(scheduler) == chain.b));
}

BOOST_AUTO_TEST_CASE(who_has_failed_at_a_build_does_not_get_it_again_unless_nobody_else_could) {
    Chain chain;
    chain.machines.push_back({.platforms = {"x86_64-linux"}, .features = {}});
    Scheduler scheduler(chain.graph);
    scheduler.update(chain.plan(), chain.machines);
    BOOST_TEST((scheduler.take_builds(1, 1, 1) == std::vector{chain.a}));
    BOOST_TEST(scheduler.exclude(chain.a, 1));
    scheduler.build_returned(chain.a);
    scheduler.update(chain.plan(), chain.machines); // a newer plan does not forget it
    BOOST_TEST((scheduler.take_builds(1, 1, 1) == std::vector{chain.d}));
    BOOST_TEST((take_one(scheduler) == chain.a));
    BOOST_TEST(!scheduler.exclude(chain.a, this_machine));
    scheduler.build_returned(chain.a);
    BOOST_TEST((take_one(scheduler) == chain.a));
}

BOOST_AUTO_TEST_CASE(what_only_lost_machines_could_build_is_stranded_once_it_is_ready) {
    Chain chain;
    chain.machines.front().builds = false;
    chain.machines.push_back({.platforms = {"x86_64-linux"}, .features = {}});
    Scheduler scheduler(chain.graph);
    scheduler.update(chain.plan(), chain.machines);
    BOOST_TEST(scheduler.take_stranded([](std::size_t) { return false; }).empty());
    auto stranded = scheduler.take_stranded([](std::size_t machine) { return machine == 1; });
    BOOST_TEST((stranded == std::vector{chain.a, chain.d}));
    BOOST_TEST(scheduler.build_failed(chain.a).size() == 2U);
    scheduler.build_failed(chain.d);
    BOOST_TEST(scheduler.is_idle());
}

BOOST_AUTO_TEST_CASE(what_comes_last_waits_until_nothing_else_is_left) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    auto plan = chain.plan();
    plan.builds[0].last = true; // a, which heads the longest chain
    scheduler.update(plan, chain.machines);
    BOOST_TEST((take_one(scheduler) == chain.d));
    BOOST_TEST(scheduler.take_builds(this_machine, 8, 2).empty()); // d still runs
    scheduler.build_succeeded(chain.d);
    BOOST_TEST(!scheduler.is_idle());
    BOOST_TEST(scheduler.take_builds(this_machine, 8, 2, false).empty()); // another plan may come
    BOOST_TEST((take_one(scheduler) == chain.a));
    scheduler.build_succeeded(chain.a);
    BOOST_TEST((take_one(scheduler) == chain.b)); // what needs it goes on as usual
    scheduler.build_succeeded(chain.b);
    BOOST_TEST((take_one(scheduler) == chain.c));
    scheduler.build_succeeded(chain.c);
    BOOST_TEST(scheduler.is_idle());
}

BOOST_AUTO_TEST_CASE(what_comes_last_has_its_turn_although_something_else_failed) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    auto plan = chain.plan();
    plan.builds[1].last = true; // d
    scheduler.update(plan, chain.machines);
    BOOST_TEST((take_one(scheduler) == chain.a));
    scheduler.build_failed(chain.a);
    BOOST_TEST((take_one(scheduler) == chain.d));
}

BOOST_AUTO_TEST_CASE(inputs_of_what_comes_last_are_fetched_last_unless_another_needs_them) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    auto own = chain.graph.intern(path_of('8', "own")), shared = chain.graph.intern(path_of('9', "shared"));
    auto plan = chain.plan();
    plan.builds[1].last = true; // d
    plan.builds[1].fetch = {own, shared};
    plan.builds[0].fetch = {shared};
    scheduler.update(plan, chain.machines);
    BOOST_TEST((scheduler.take_fetch() == shared));
    BOOST_TEST(!scheduler.take_fetch().has_value());
    scheduler.fetch_succeeded(shared);
    BOOST_TEST(!scheduler.take_fetch().has_value()); // a is ready
    BOOST_TEST((take_one(scheduler) == chain.a));
    scheduler.build_failed(chain.a);
    BOOST_TEST(!scheduler.take_fetch(false).has_value());
    BOOST_TEST((scheduler.take_fetch() == own));
    scheduler.fetch_returned(own); // the network went away
    BOOST_TEST((scheduler.take_fetch() == own));
    scheduler.fetch_succeeded(own);
    BOOST_TEST((take_one(scheduler) == chain.d));
}

BOOST_AUTO_TEST_CASE(what_was_deleted_is_built_again_only_when_a_newer_plan_says_so) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    scheduler.update(chain.plan(), chain.machines);
    BOOST_TEST((take_one(scheduler) == chain.a));
    scheduler.build_succeeded(chain.a);
    scheduler.build_deleted(chain.a);
    BOOST_TEST((take_one(scheduler) == chain.b)); // it was dispatched knowing that a is there
    scheduler.build_succeeded(chain.b);
    scheduler.update(chain.plan(), chain.machines);
    BOOST_TEST((take_one(scheduler) == chain.a));
    scheduler.build_deleted(chain.d); // never built: nothing changes
    BOOST_TEST((take_one(scheduler) == chain.d));
}

BOOST_AUTO_TEST_CASE(what_has_a_flaw_fails_at_once_and_blocks_what_needs_it) {
    Chain chain({.flaw_of_b = "no"});
    Scheduler scheduler(chain.graph);
    auto ended = scheduler.update(chain.plan(), chain.machines);
    BOOST_TEST((ended == std::vector<DerivationId>{chain.b, chain.c}));
    BOOST_TEST((scheduler.state(chain.b) == Scheduler::State::failed));
    BOOST_TEST(!scheduler.blocker(chain.b).has_value());
    BOOST_TEST((scheduler.blocker(chain.c) == chain.b));
    BOOST_TEST(scheduler.update(chain.plan(), chain.machines).empty()); // and is told once
    BOOST_TEST((take_one(scheduler) == chain.a));
    BOOST_TEST((take_one(scheduler) == chain.d));
    scheduler.build_succeeded(chain.a);
    scheduler.build_succeeded(chain.d);
    BOOST_TEST(scheduler.is_idle());
}

BOOST_AUTO_TEST_CASE(what_a_later_plan_brings_is_blocked_by_what_failed_before) {
    Chain chain;
    Scheduler scheduler(chain.graph);
    auto first = chain.plan();
    first.builds.resize(1);
    BOOST_TEST(scheduler.update(first, chain.machines).empty());
    BOOST_TEST(scheduler.build_failed(take_one(scheduler)).empty());
    auto ended = scheduler.update(chain.plan(), chain.machines);
    BOOST_TEST((ended == std::vector<DerivationId>{chain.b, chain.c}));
    BOOST_TEST((scheduler.blocker(chain.c) == chain.a));
}

BOOST_AUTO_TEST_CASE(what_is_to_be_asked_for_alone_shares_no_request_any_more) {
    Chain chain({.are_tiny = true});
    Scheduler scheduler(chain.graph);
    scheduler.update(chain.plan_without_order(), chain.machines);
    auto together = scheduler.take_builds(this_machine, 8, 1);
    BOOST_REQUIRE(together.size() == 4U);
    for (auto id : together) scheduler.build_returned(id, true);
    scheduler.update(chain.plan_without_order(), chain.machines);
    for (int i = 0; i < 4; ++i) BOOST_TEST(scheduler.take_builds(this_machine, 8, 1).size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
