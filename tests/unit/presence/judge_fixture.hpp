#pragma once

#include "../plan/world.hpp"
#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "presence/judge.hpp"
#include "presence/views.hpp"
#include "support/faulty_cache.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace cachefill::test {

struct Quiet final : event::Sink {
    void on_event(const event::Event& event) override {
        if (const auto* message = std::get_if<event::Message>(&event)) messages.push_back(*message);
        if (const auto* waiting = std::get_if<event::CacheWaiting>(&event)) waits.push_back(*waiting);
    }
    std::vector<event::Message> messages;
    std::vector<event::CacheWaiting> waits;
};

template <class... Names> std::vector<std::string> named(Names... names) { return {names...}; }

// A judge of an own cache and some upstreams, on a clock that is cranked by hand.
struct JudgeFixture {
    HandClock clock;
    World world;
    plan::Facts facts;
    Quiet sink;
    std::unique_ptr<presence::Judge> judge;
    FaultyCache* own = nullptr;
    std::vector<FaultyCache*> upstreams;

    void start(async::Executor executor, presence::Patience patience = {}, std::size_t count = 1) {
        judge = std::make_unique<presence::Judge>(executor, clock, world.graph, facts, sink, patience);
        auto cache = std::make_unique<FaultyCache>(executor, clock, "own.example");
        own = cache.get();
        judge->add_own({.backend = std::move(cache), .info = {}, .keys = {}});
        judge->learn(nix::TrustedKeys::everybody());
        for (std::size_t i = 0; i < count; ++i) {
            auto upstream = std::make_unique<FaultyCache>(executor, clock, "up" + std::to_string(i) + ".example");
            upstreams.push_back(upstream.get());
            judge->add_upstream(std::move(upstream));
        }
    }
    // The own cache has lib, and makes no sense when it is asked about many.
    void start_without_bulk_answers(async::Executor executor, bool hides_incomplete_closures) {
        judge = std::make_unique<presence::Judge>(executor, clock, world.graph, facts, sink, presence::Patience());
        auto cache = std::make_unique<FaultyCache>(executor, clock, "own.example");
        cache->serve(store_path("lib"));
        cache->bulk_failure = Failure(FailureKind::protocol, "own.example answered no HTTP");
        own = cache.get();
        cache::CacheInfo info;
        info.has_bulk_query = true;
        info.hides_incomplete_closures = hides_incomplete_closures;
        judge->add_own({.backend = std::move(cache), .info = std::move(info), .keys = {}});
    }
    async::Task<void> ask(std::vector<std::string> names, plan::CacheMask caches) {
        // What counts grows with what is seen; whoever asks, asks on.
        for (std::size_t views = ~std::size_t{0}; views != judge->views().size();) {
            views = judge->views().size();
            plan::Questions questions;
            for (const auto& name : names) questions.remote.push_back({world.path(name), in_all_eyes(caches)});
            auto answered = co_await judge->answer(std::move(questions), nullptr);
            BOOST_TEST_REQUIRE(answered.has_value());
        }
    }
    plan::CacheMask in_all_eyes(plan::CacheMask caches) const {
        plan::CacheMask mask = 0;
        for (std::size_t number = 0; number < judge->size(); ++number)
            if (caches & plan::bit(number)) mask |= judge->views().all_of(number);
        return mask;
    }
    // The caches that serve it.
    plan::CacheMask present(const std::string& name) {
        return judge->views().caches_in(facts.of(world.path(name)).present);
    }
    void run(std::function<async::Task<void>(async::Executor)> body) {
        run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
            co_await body(executor);
            judge.reset(); // while its loop is there
        });
    }
};

} // namespace cachefill::test
