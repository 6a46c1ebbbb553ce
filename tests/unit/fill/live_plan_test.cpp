#include "../plan/world.hpp"
#include "async/task_group.hpp"
#include "fill/live_plan.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using fill::LivePlan;

namespace {

// app and tool need lib; nothing of it is served by anybody.
struct Scene {
    World world;
    boost::asio::io_context loop;
    LivePlan live{loop.get_executor(), world.graph, world.facts};

    Scene() {
        world.derivation("lib").derivation("app", {"lib"}).derivation("tool", {"lib"});
        world.target("app").target("tool", 0b1);
    }
    void add(std::size_t number) { live.add(world.targets[number], 7 + number); }
    void nobody_has(const std::vector<std::string>& names) {
        for (const auto& name : names) {
            world.facts_of(name).asked = plan::all_caches;
            world.facts_of(name).valid_here = false;
        }
    }
    std::vector<std::string> builds() const {
        std::vector<std::string> names;
        for (const auto& build : live.now().builds) names.emplace_back(world.graph.derivation(build.derivation).name());
        return names;
    }
    plan::DerivationId derivation(const std::string& name) {
        return world.graph.producer(world.path(name))->derivation;
    }
    void plan_and_keep() {
        live.count();
        live.make(world.policy);
        live.keep([](const plan::GraphDerivation& one) { return "rule for " + std::string(one.name()); });
    }
};

daemon::FetchReason because(daemon::FetchTrouble trouble) {
    daemon::FetchReason reason;
    reason.trouble = trouble;
    return reason;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(the_live_plan, Scene)

BOOST_AUTO_TEST_CASE(each_target_that_comes_is_planned_with_those_before) {
    nobody_has({"app", "tool", "lib"});
    add(0);
    plan_and_keep();
    BOOST_TEST(builds() == (Names{"lib", "app"}));
    BOOST_TEST(live.targets_of(derivation("lib")) == Names{"nixos:app"});
    add(1);
    plan_and_keep();
    BOOST_TEST(builds().size() == 3U);
    BOOST_TEST(live.targets_of(derivation("lib")) == (Names{"nixos:app", "nixos:tool"}));
    BOOST_TEST(live.hosts() == (std::vector<std::size_t>{7, 8}));
}

BOOST_AUTO_TEST_CASE(for_whom_something_was_built_is_known_when_no_plan_holds_it_any_more) {
    nobody_has({"app", "lib"});
    add(0);
    plan_and_keep();
    for (const auto* name : {"lib", "app"}) world.facts_of(name).present = plan::bit(plan::own_cache);
    plan_and_keep();
    BOOST_TEST(builds().empty());
    BOOST_TEST(live.targets_of(derivation("lib")) == Names{"nixos:app"});
}

BOOST_AUTO_TEST_CASE(what_comes_last_says_why_for_as_long_as_it_does) {
    nobody_has({"app", "lib"});
    world.policy.is_deferred = [](const plan::GraphDerivation& one) { return one.name() == "lib"; };
    add(0);
    plan_and_keep();
    BOOST_TEST(live.why_last(derivation("lib")) == "rule for lib");
    world.policy.is_deferred = {};
    plan_and_keep();
    BOOST_TEST(live.why_last(derivation("lib")).empty());
}

BOOST_AUTO_TEST_CASE(what_counts_is_what_all_who_need_it_trust) {
    nobody_has({"app", "tool", "lib"});
    add(0);
    add(1);
    live.trust([](std::size_t host) { return host == 7 ? plan::CacheMask{0b11} : plan::CacheMask{0b101}; });
    live.count();
    BOOST_TEST(live.counting(world.path("app")) == 0b11U);
    BOOST_TEST(live.counting(world.path("tool")) == 0b101U);
    BOOST_TEST(live.counting(world.path("lib")) == 0b1U);
    BOOST_TEST(live.counting(world.path("late")) == 0b1U);
    BOOST_TEST(live.trusted_by_all() == 0b1U);
}

BOOST_AUTO_TEST_CASE(it_is_open_while_anything_may_still_be_learnt) {
    BOOST_TEST(!live.is_open());
    live.evaluates(true);
    BOOST_TEST(live.is_open());
    live.question_begins();
    live.evaluates(false);
    BOOST_TEST(live.is_open());
    live.question_ends();
    BOOST_TEST(live.is_stale()); // an answer is worth a plan
    live.make(world.policy);
    BOOST_TEST(!live.is_open());
}

BOOST_AUTO_TEST_CASE(given_up_it_is_never_stale_again) {
    live.become_stale();
    live.give_up();
    BOOST_TEST(!live.is_stale());
    live.become_stale();
    BOOST_TEST(!live.is_open());
    BOOST_TEST(live.is_given_up());
}

BOOST_AUTO_TEST_CASE(whoever_waits_is_woken_by_each_thing_that_is_learnt) {
    std::vector<std::string> woken;
    auto sleeper = [](LivePlan& plan, std::vector<std::string>& log, std::string name) -> async::Task<void> {
        co_await plan.changed();
        log.push_back(std::move(name));
    };
    auto then = [&](const char* name, const std::function<void()>& learn) {
        async::TaskGroup group(loop.get_executor());
        group.spawn(sleeper(live, woken, name));
        loop.restart();
        loop.poll();
        learn();
        loop.restart();
        loop.poll();
    };
    then("stale", [&] { live.become_stale(); });
    then("evaluated", [&] { live.evaluates(false); });
    then("answered", [&] { live.question_begins(), live.question_ends(); });
    then("given up", [&] { live.give_up(); });
    BOOST_TEST(woken == (std::vector<std::string>{"stale", "evaluated", "answered", "given up"}));
}

BOOST_AUTO_TEST_CASE(a_fetched_input_counts_for_each_target_that_its_build_is_for) {
    nobody_has({"app", "tool"});
    world.served(1, {"lib"});
    world.facts_of("lib").asked = plan::all_caches;
    world.facts_of("lib").present = 0b10;
    world.facts_of("lib").references_known = true;
    world.facts_of("lib").valid_here = false;
    add(0);
    plan_and_keep();
    BOOST_TEST_REQUIRE(builds() == Names{"app"});
    BOOST_TEST_REQUIRE(live.now().builds.front().fetch.size() == 1U);
    live.note_fetched(world.path("lib"));
    BOOST_TEST(live.fetched() == 1U);
    BOOST_TEST(live.fetched_for(0) == 1U);
    BOOST_TEST(live.fetched_for(1) == 0U);
    BOOST_TEST(world.facts_of("lib").valid_here.value());
}

BOOST_AUTO_TEST_CASE(what_may_be_had_later_is_waited_for_and_nothing_is_compiled_for_it) {
    live.note_unfetchable(world.path("lib"), because(daemon::FetchTrouble::network), false);
    BOOST_TEST(world.facts_of("lib").fetch_waits);
    BOOST_TEST(!world.facts_of("lib").fetch_failed);
    BOOST_TEST(live.unfetched().contains(world.path("lib")));
    BOOST_TEST(live.is_stale());
}

BOOST_AUTO_TEST_CASE(unless_the_user_wants_it_built_or_it_cannot_come) {
    live.note_unfetchable(world.path("lib"), because(daemon::FetchTrouble::network), true);
    BOOST_TEST(world.facts_of("lib").fetch_failed);
    BOOST_TEST(live.unfetched().empty());
    DerivationOptions light;
    light.light = true;
    world.derivation("text", {}, light).target("text");
    live.note_unfetchable(world.path("text"), because(daemon::FetchTrouble::network), false);
    BOOST_TEST(world.facts_of("text").fetch_failed); // quicker made than waited for
    live.note_unfetchable(world.path("app"), because(daemon::FetchTrouble::other), false);
    BOOST_TEST(world.facts_of("app").fetch_failed);
    BOOST_TEST(!world.facts_of("app").fetch_waits);
}

BOOST_AUTO_TEST_CASE(a_cache_this_machine_does_not_use_is_news_once) {
    BOOST_TEST(live.note_lacking(world.path("lib"), 1));
    BOOST_TEST(!live.note_lacking(world.path("app"), 1));
    BOOST_TEST(live.note_lacking(world.path("tool"), 2));
    BOOST_TEST(live.lacking().size() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
