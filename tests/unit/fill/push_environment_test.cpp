#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "fill/push_environment.hpp"
#include "presence/views.hpp"
#include "support/faulty_cache.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>

using namespace cachefill;
using namespace cachefill::test;
using event::PushOutcome;

namespace {

nix::StorePath path_named(const std::string& name) {
    return nix::StorePath::parse(std::string(nix::store_dir) + "/" + std::string(32, '0') + "-" + name).value();
}

struct Scene {
    HandClock clock;
    event::NullSink sink;
    plan::Graph graph;
    plan::Facts facts;
    daemon::Endpoint endpoint;
    plan::CacheMask counting = plan::all_caches;
    std::vector<PushOutcome> settled;
    std::vector<bool> was_known_when_settled;

    // `cache` is the own one, `other` an upstream.
    void run(std::function<async::Task<void>(FaultyCache& cache, FaultyCache& other, presence::Judge& judge,
                                             push::PushEnvironment& environment)>
                 body) {
        run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
            presence::Judge judge(executor, clock, graph, facts, sink, presence::Patience());
            auto own = std::make_unique<FaultyCache>(executor, clock, "own.example");
            auto up = std::make_unique<FaultyCache>(executor, clock, "up.example");
            auto& cache = *own;
            auto& other = *up;
            presence::OpenedCache opened{.backend = std::move(own), .info = {}, .keys = {}};
            judge.add_own(std::move(opened));
            judge.learn(nix::TrustedKeys::everybody());
            judge.add_upstream(std::move(up));
            auto counts = [this](const nix::StorePath&) { return counting; };
            auto on_settled = [&, this](const nix::StorePath& path, PushOutcome outcome) {
                settled.push_back(outcome);
                was_known_when_settled.push_back((facts.of(graph.intern(path)).present & 1) != 0);
            };
            auto environment = fill::push_environment(endpoint, judge, counts, on_settled);
            co_await body(cache, other, judge, environment);
        });
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(push_environment, Scene)

BOOST_AUTO_TEST_CASE(what_only_a_cache_has_that_does_not_count_is_not_served) {
    run([&](FaultyCache&, FaultyCache& other, presence::Judge& judge,
            push::PushEnvironment& environment) -> async::Task<void> {
        other.serve(path_named("lib"));
        counting = judge.views().all_of(plan::own_cache);
        auto served = co_await environment.is_served(path_named("lib"));
        BOOST_TEST_REQUIRE(served.has_value());
        BOOST_TEST(!*served);
        counting = plan::all_caches;
        served = co_await environment.is_served(path_named("lib"));
        BOOST_TEST_REQUIRE(served.has_value());
        BOOST_TEST(*served);
    });
}

BOOST_AUTO_TEST_CASE(by_now_asks_afresh) {
    run([&](FaultyCache& cache, FaultyCache&, presence::Judge&,
            push::PushEnvironment& environment) -> async::Task<void> {
        auto before = co_await environment.is_served(path_named("lib"));
        BOOST_TEST_REQUIRE(before.has_value());
        BOOST_TEST(!*before);
        cache.serve(path_named("lib"));
        auto remembered = co_await environment.is_served(path_named("lib"));
        BOOST_TEST_REQUIRE(remembered.has_value());
        BOOST_TEST(!*remembered);
        auto now = co_await environment.is_served_by_now(path_named("lib"));
        BOOST_TEST_REQUIRE(now.has_value());
        BOOST_TEST(*now);
    });
}

BOOST_AUTO_TEST_CASE(the_judge_knows_what_was_published_before_anybody_hears_of_it) {
    run([&](FaultyCache&, FaultyCache&, presence::Judge&, push::PushEnvironment& environment) -> async::Task<void> {
        for (auto outcome : {PushOutcome::published, PushOutcome::already_there})
            environment.on_settled(path_named(std::string(event::to_string(outcome))), outcome);
        for (auto outcome : {PushOutcome::withheld, PushOutcome::failed, PushOutcome::not_pushed})
            environment.on_settled(path_named(std::string(event::to_string(outcome))), outcome);
        BOOST_TEST(settled.size() == 5U);
        BOOST_TEST((was_known_when_settled == std::vector<bool>{true, true, false, false, false}));
        co_return;
    });
}

BOOST_AUTO_TEST_CASE(files_are_where_the_store_has_them) {
    endpoint.physical_root = "/mnt";
    run([&](FaultyCache&, FaultyCache&, presence::Judge&, push::PushEnvironment& environment) -> async::Task<void> {
        BOOST_TEST(environment.physical(path_named("lib")) == "/mnt" + path_named("lib").to_string());
        BOOST_TEST(!environment.is_building());
        co_return;
    });
}

BOOST_AUTO_TEST_SUITE_END()
