// Several caches that do not answer, as on a machine without a network.
#include "async/task_group.hpp"
#include "cache/cache_uri.hpp"
#include "judge_fixture.hpp"
#include "nix/realisation.hpp"

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using presence::Patience;

BOOST_FIXTURE_TEST_SUITE(silent_caches, JudgeFixture)

// Without a network nobody answers: the end comes after the patience with one of them, not after the sum.
BOOST_AUTO_TEST_CASE(caches_that_do_not_answer_are_waited_for_all_at_once) {
    for (auto fault : {Fault::refused, Fault::silent, Fault::unavailable})
        for (bool had_answered : {false, true})
            BOOST_TEST_CONTEXT(to_string(fault) << (had_answered ? ", in the middle" : ", from the start")) {
                JudgeFixture offline;
                offline.run([&](async::Executor executor) -> async::Task<void> {
                    offline.start(executor, {}, 6);
                    for (auto* upstream : offline.upstreams) upstream->serve(store_path("warm"));
                    for (plan::CacheMask one = 0b10; had_answered && one < 0b10000000; one <<= 1)
                        co_await offline.ask(named("warm" + std::to_string(one)), one);
                    auto start = offline.clock.elapsed();
                    for (auto* upstream : offline.upstreams) upstream->fault = fault;
                    co_await offline.ask(named("a", "b", "c"), 0b1111111);
                    auto took = offline.clock.elapsed() - start;
                    for (const auto* name : {"a", "b", "c"})
                        BOOST_TEST(offline.facts.of(offline.world.path(name)).unknown == 0b1111110U);
                    // One patience, and what the last try of a silent one takes.
                    auto patience = had_answered ? 600s : 60s;
                    BOOST_TEST((took >= patience - 20s), took.count() << " ms");
                    BOOST_TEST((took <= patience + 45s), took.count() << " ms");
                });
            }
}

BOOST_AUTO_TEST_CASE(so_they_are_when_it_is_asked_where_an_output_went) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor, {}, 4);
        for (auto* upstream : upstreams) upstream->fault = Fault::refused;
        auto found = co_await judge->find_realisation("sha256:aa!out", 0b11111);
        BOOST_TEST((found && !*found));
        BOOST_TEST((clock.elapsed() >= 40s && clock.elapsed() <= 75s), clock.elapsed().count() << " ms");
    });
}

BOOST_AUTO_TEST_CASE(what_another_cache_has_is_found_at_once_while_the_first_is_silent) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor, {}, 2);
        upstreams[0]->fault = Fault::silent;
        upstreams[1]->serve(store_path("lib"));
        std::chrono::milliseconds found{};
        async::TaskGroup group(executor);
        auto looking = [&]() -> async::Task<void> {
            while (present("lib") == 0) co_await clock.sleep_for(1s);
            found = clock.elapsed();
        };
        auto asking = [&]() -> async::Task<void> { co_await ask(named("lib"), 0b111); };
        group.spawn(asking());
        group.spawn(looking());
        co_await group.join();
        BOOST_TEST((found <= 4s), found.count() << " ms");
    });
}

BOOST_AUTO_TEST_CASE(a_silent_cache_is_told_of_in_seconds_and_given_up_when_patience_ends) {
    run([&](async::Executor executor) -> async::Task<void> {
        Patience patience;
        patience.never_seen = 10s;
        start(executor, patience);
        upstreams[0]->fault = Fault::silent;
        co_await ask(named("lib"), 0b11);
        BOOST_TEST((clock.elapsed() == 10s), clock.elapsed().count() << " ms");
        BOOST_TEST_REQUIRE(sink.waits.size() == 2U);
        BOOST_TEST((sink.waits[0].state == event::CacheWaiting::State::waits));
        BOOST_TEST((sink.waits[0].waited <= 3s));
        BOOST_TEST((sink.waits[1].state == event::CacheWaiting::State::over));
    });
}

BOOST_AUTO_TEST_CASE(that_nothing_in_the_network_can_be_reached_is_said_once) {
    auto said = [](JudgeFixture& of) {
        return std::count_if(of.sink.messages.begin(), of.sink.messages.end(), [](const auto& message) {
            return message.text.starts_with("offline, it seems: none of ");
        });
    };
    for (std::size_t answering : {0U, 1U})
        for (auto fault : {Fault::refused, Fault::silent, Fault::unavailable}) {
            JudgeFixture of;
            of.run([&](async::Executor executor) -> async::Task<void> {
                of.start(executor, {}, 3);
                of.own->address().scheme = cache::Scheme::file; // which needs no network
                for (std::size_t i = answering; i < 3; ++i) of.upstreams[i]->fault = fault;
                co_await of.ask(named("a", "b"), 0b1111);
                co_await of.ask(named("c"), 0b1111);
                bool is_offline = answering == 0 && fault != Fault::unavailable; // a 503 comes from somebody
                BOOST_TEST(said(of) == (is_offline ? 1 : 0), to_string(fault));
            });
        }
}

BOOST_AUTO_TEST_SUITE_END()
