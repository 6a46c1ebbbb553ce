#include "async/clock.hpp"
#include "async/run_alone.hpp"
#include "async/signal.hpp"
#include "async/task_group.hpp"
#include "async/within.hpp"
#include "base/result.hpp"
#include "support/hand_clock.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using async::Task;

BOOST_AUTO_TEST_SUITE(async_clock)

BOOST_AUTO_TEST_CASE(whoever_sleeps_wakes_at_his_moment_and_in_order) {
    HandClock clock;
    std::vector<std::pair<std::string, std::chrono::milliseconds>> woken;
    auto body = [&](async::Executor executor) -> Task<void> {
        auto sleep = [&clock, &woken, executor](std::string name, std::chrono::milliseconds time) -> Task<void> {
            async::Nap nap(executor);
            co_await clock.sleep_until(nap, clock.now() + time);
            woken.emplace_back(name, clock.elapsed());
        };
        async::TaskGroup group(executor);
        group.spawn(sleep("late", 2h));
        group.spawn(sleep("early", 3s));
        co_await group.join();
    };
    run_by_hand(clock, body);
    BOOST_REQUIRE(woken.size() == 2U);
    BOOST_TEST(woken[0].first == "early");
    BOOST_TEST((woken[0].second == 3s));
    BOOST_TEST((woken[1].second == 2h));
}

BOOST_AUTO_TEST_CASE(a_sleeper_can_be_woken_before_his_time) {
    HandClock clock;
    auto body = [&](async::Executor executor) -> Task<void> {
        async::Nap nap(executor);
        auto sleep = [&]() -> Task<void> { co_await clock.sleep_until(nap, clock.now() + 1h); };
        auto wake = [&]() -> Task<void> {
            async::Nap own(executor);
            co_await clock.sleep_until(own, clock.now() + 1s);
            nap.wake();
        };
        async::TaskGroup group(executor);
        group.spawn(sleep());
        group.spawn(wake());
        co_await group.join();
    };
    run_by_hand(clock, body);
    BOOST_TEST((clock.elapsed() == 1s));
}

BOOST_AUTO_TEST_CASE(the_real_clock_wakes_at_once_for_what_has_passed) {
    auto body = [](async::Executor executor) -> Task<Result<int>> {
        async::SteadyClock clock;
        async::Nap nap(executor);
        co_await clock.sleep_until(nap, clock.now() - 1s);
        co_return 1;
    };
    BOOST_TEST(async::run_alone(body).value() == 1);
}

BOOST_AUTO_TEST_CASE(a_signal_wakes_all_who_wait_and_remembers_nothing) {
    int woken = 0;
    auto body = [&](async::Executor executor) -> Task<Result<int>> {
        async::Signal signal(executor);
        signal.notify_all(); // nobody waits
        auto wait = [&]() -> Task<void> {
            co_await signal.wait();
            ++woken;
        };
        async::TaskGroup group(executor);
        group.spawn(wait());
        group.spawn(wait());
        co_await async::sleep_for(0ms); // they have begun by now
        BOOST_TEST(woken == 0);
        signal.notify_all();
        co_await group.join();
        co_return woken;
    };
    BOOST_TEST(async::run_alone(body).value() == 2);
}

BOOST_AUTO_TEST_CASE(who_is_cancelled_while_waiting_for_a_signal_does_not_go_on) {
    bool went_on = false;
    auto body = [&](async::Executor executor) -> Task<Result<int>> {
        async::Signal signal(executor);
        auto wait = [&]() -> Task<void> {
            co_await signal.wait();
            went_on = true;
        };
        async::TaskGroup group(executor);
        group.spawn(wait());
        co_await async::sleep_for(0ms);
        group.cancel();
        co_await group.join();
        co_return 0;
    };
    BOOST_TEST(async::run_alone(body).has_value());
    BOOST_TEST(!went_on);
}

BOOST_AUTO_TEST_CASE(what_is_not_done_within_its_time_is_ended) {
    HandClock clock;
    bool is_gone = false;
    auto body = [&](async::Executor) -> Task<void> {
        auto work = [&](std::chrono::seconds takes) -> Task<int> {
            struct Leave {
                bool& is_gone;
                ~Leave() { is_gone = true; }
            } leave{is_gone};
            co_await clock.sleep_for(takes);
            co_return 7;
        };
        auto in_time = co_await async::within(clock, 5s, work(2s));
        BOOST_TEST(in_time.value_or(0) == 7);
        BOOST_TEST((clock.elapsed() == 2s));
        is_gone = false;
        auto too_late = co_await async::within(clock, 5s, work(60s));
        BOOST_TEST(!too_late.has_value());
        BOOST_TEST((clock.elapsed() == 7s));
        BOOST_TEST(is_gone); // its frame may go
    };
    run_by_hand(clock, body);
}

BOOST_AUTO_TEST_CASE(what_runs_alone_gives_back_its_value_or_throws) {
    auto failing = [](async::Executor) -> Task<Result<int>> { co_return Failure(FailureKind::usage, "no"); };
    BOOST_TEST(!async::run_alone(failing).has_value());
    auto throwing = [](async::Executor executor) -> Task<Result<int>> {
        co_await boost::asio::post(executor, async::use_task);
        throw std::logic_error("a bug");
    };
    BOOST_CHECK_THROW((void)async::run_alone(throwing), std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()
