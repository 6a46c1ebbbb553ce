#include "async/bounded_queue.hpp"
#include "async/limiter.hpp"
#include "async/task_group.hpp"
#include "support/hand_clock.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace cachefill;
using namespace cachefill::async;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

// Runs by a clock that is turned by hand, so that "an hour later" is when everything else waits.
void play(const std::function<Task<void>(Executor, HandClock&)>& body) {
    HandClock clock;
    auto make = [&](Executor executor) { return body(executor, clock); };
    run_by_hand(clock, make);
}

Task<void> take_for(Limiter& limiter, HandClock& clock, std::uint64_t units, std::chrono::hours time,
                    std::vector<std::uint64_t>& log) {
    auto permit = co_await limiter.acquire(units);
    log.push_back(units);
    co_await clock.sleep_for(time);
}

} // namespace

BOOST_AUTO_TEST_SUITE(limiter)

BOOST_AUTO_TEST_CASE(no_more_units_are_in_use_than_there_are) {
    std::uint64_t most = 0;
    std::size_t served = 0;
    play([&](Executor executor, HandClock& clock) -> Task<void> {
        Limiter limiter(executor, 10);
        auto use = [&](std::uint64_t units) -> Task<void> {
            auto permit = co_await limiter.acquire(units);
            most = std::max(most, limiter.in_use());
            co_await clock.sleep_for(1h);
            ++served;
        };
        TaskGroup group(executor);
        for (std::uint64_t i = 0; i < 200; ++i) group.spawn(use(i % 13)); // more than there are is cut to all
        co_await group.join();
        BOOST_TEST(limiter.in_use() == 0U);
    });
    BOOST_TEST(most == 10U);
    BOOST_TEST(served == 200U);
}

BOOST_AUTO_TEST_CASE(who_came_first_is_served_first_whatever_he_wants) {
    std::vector<std::uint64_t> log;
    play([&](Executor executor, HandClock& clock) -> Task<void> {
        Limiter limiter(executor, 10);
        TaskGroup group(executor);
        for (unsigned units : {9U, 8U, 1U, 2U, 10U, 1U}) group.spawn(take_for(limiter, clock, units, 1h, log));
        co_await group.join();
    });
    BOOST_TEST((log == std::vector<std::uint64_t>{9, 8, 1, 2, 10, 1}));
}

BOOST_AUTO_TEST_CASE(who_goes_away_while_waiting_holds_up_nobody) {
    std::vector<std::uint64_t> log;
    play([&](Executor executor, HandClock& clock) -> Task<void> {
        Limiter limiter(executor, 10);
        auto held = co_await limiter.acquire(5);
        TaskGroup large(executor), small(executor);
        large.spawn(take_for(limiter, clock, 10, 1h, log));
        small.spawn(take_for(limiter, clock, 3, 1h, log)); // would fit, but for the one before it
        BOOST_TEST(log.empty());
        large.cancel();
        co_await large.join();
        BOOST_TEST((log == std::vector<std::uint64_t>{3}));
        co_await small.join();
        BOOST_TEST(limiter.in_use() == 5U);
    });
}

BOOST_AUTO_TEST_CASE(who_is_cancelled_in_the_moment_of_being_served_gives_it_back) {
    play([](Executor executor, HandClock& clock) -> Task<void> {
        std::vector<std::uint64_t> log;
        Limiter limiter(executor, 10);
        auto held = co_await limiter.acquire(10);
        TaskGroup doomed(executor);
        doomed.spawn(take_for(limiter, clock, 10, 1h, log));
        held.release(); // it is granted now, and has not woken yet
        doomed.cancel();
        co_await doomed.join();
        BOOST_TEST(log.empty());
        BOOST_TEST(limiter.in_use() == 0U);
    });
}

BOOST_AUTO_TEST_CASE(a_permit_gives_back_once_what_it_has) {
    play([](Executor executor, HandClock&) -> Task<void> {
        Limiter limiter(executor, 10);
        auto first = co_await limiter.acquire(4);
        auto second = co_await limiter.acquire(3);
        BOOST_TEST(limiter.in_use() == 7U);
        first.shrink_to(9); // it has not got so many
        BOOST_TEST(first.units() == 4U);
        first.shrink_to(1);
        BOOST_TEST(limiter.in_use() == 4U);
        second = std::move(first); // gives back its own
        BOOST_TEST(limiter.in_use() == 1U);
        BOOST_TEST(second.units() == 1U);
        Limiter::Permit third(std::move(second));
        third.shrink_to(0);
        BOOST_TEST(limiter.in_use() == 0U);
        third.release();
        third.release();
        BOOST_TEST(limiter.in_use() == 0U);
        BOOST_TEST(Limiter::Permit().units() == 0U);
        auto nothing = co_await limiter.acquire(0);
        BOOST_TEST(limiter.in_use() == 0U);
    });
}

BOOST_AUTO_TEST_CASE(what_is_scarce_begins_beyond_the_half) {
    play([](Executor executor, HandClock&) -> Task<void> {
        Limiter limiter(executor, 10);
        auto half = co_await limiter.acquire(5);
        BOOST_TEST(!half.is_scarce());
        auto more = co_await limiter.acquire(1);
        BOOST_TEST(half.is_scarce());
        BOOST_TEST(more.is_scarce());
        more.release();
        BOOST_TEST(!half.is_scarce());
        BOOST_TEST(!more.is_scarce()); // has none any more
    });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(bounded_queue)

BOOST_AUTO_TEST_CASE(who_brings_more_than_fits_waits_until_somebody_takes) {
    std::vector<int> taken;
    play([&](Executor executor, HandClock& clock) -> Task<void> {
        BoundedQueue<int> queue(executor, 2);
        int brought = 0;
        auto bring = [&]() -> Task<void> {
            for (int i = 0; i < 6; ++i) {
                co_await queue.push(i);
                ++brought;
            }
            queue.close();
        };
        TaskGroup group(executor);
        group.spawn(bring());
        co_await clock.sleep_for(1h);
        BOOST_TEST(brought == 2);
        BOOST_TEST(queue.size() == 2U);
        while (auto item = co_await queue.pop()) {
            taken.push_back(*item);
            co_await clock.sleep_for(1h);
            BOOST_TEST(queue.size() <= 2U);
        }
        BOOST_TEST(queue.is_closed());
        co_await group.join();
    });
    BOOST_TEST((taken == std::vector{0, 1, 2, 3, 4, 5}));
}

BOOST_AUTO_TEST_CASE(the_end_wakes_all_who_wait) {
    play([](Executor executor, HandClock& clock) -> Task<void> {
        BoundedQueue<std::string> full(executor, 1), empty(executor, 1);
        BOOST_TEST(co_await full.push("first"));
        int refused = 0, ended = 0;
        auto bring = [&]() -> Task<void> {
            std::string item = "late";
            bool is_taken = co_await full.push(std::move(item));
            refused += is_taken ? 0 : 1;
        };
        auto take = [&]() -> Task<void> {
            auto item = co_await empty.pop();
            ended += item ? 0 : 1;
        };
        TaskGroup group(executor);
        for (int i = 0; i < 3; ++i) group.spawn(bring()), group.spawn(take());
        co_await clock.sleep_for(1h);
        BOOST_TEST(group.size() == 6U);
        full.close();
        empty.close();
        co_await group.join();
        BOOST_TEST(refused == 3);
        BOOST_TEST(ended == 3);
        auto left = co_await full.pop(); // what was in it stays to be had
        BOOST_TEST((left == "first"));
        auto nothing = co_await full.pop();
        BOOST_TEST(!nothing.has_value());
    });
}

BOOST_AUTO_TEST_CASE(several_takers_get_each_item_once) {
    std::vector<int> taken;
    play([&](Executor executor, HandClock& clock) -> Task<void> {
        BoundedQueue<int> queue(executor, 3);
        auto take = [&](std::chrono::hours time) -> Task<void> {
            for (;;) {
                auto item = co_await queue.pop();
                if (!item) co_return;
                taken.push_back(*item);
                co_await clock.sleep_for(time);
            }
        };
        TaskGroup group(executor);
        for (int i = 1; i <= 4; ++i) group.spawn(take(std::chrono::hours(i)));
        for (int i = 0; i < 100; ++i) co_await queue.push(i);
        queue.close();
        co_await group.join();
    });
    std::sort(taken.begin(), taken.end());
    std::vector<int> all(100);
    for (int i = 0; i < 100; ++i) all[static_cast<std::size_t>(i)] = i;
    BOOST_TEST((taken == all));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(task_group)

BOOST_AUTO_TEST_CASE(so_many_run_at_once_as_are_let) {
    std::size_t most = 0, running = 0;
    play([&](Executor executor, HandClock& clock) -> Task<void> {
        TaskGroup group(executor);
        auto work = [&]() -> Task<void> {
            most = std::max(most, ++running);
            co_await clock.sleep_for(1h);
            --running;
        };
        for (int i = 0; i < 20; ++i) {
            co_await group.wait_until_fewer_than(4);
            group.spawn(work());
        }
        co_await group.join();
        BOOST_TEST((clock.elapsed() == 5h));
    });
    BOOST_TEST(most == 4U);
}

BOOST_AUTO_TEST_CASE(of_several_failures_the_first_is_told_and_once) {
    play([](Executor executor, HandClock& clock) -> Task<void> {
        TaskGroup group(executor);
        auto fail = [&](std::string text, std::chrono::hours time) -> Task<void> {
            try {
                co_await clock.sleep_for(time);
            } catch (const boost::system::system_error&) {
                throw std::runtime_error(text + ", cancelled"); // a failure while it is being ended
            }
            throw std::runtime_error(text);
        };
        group.spawn(fail("second", 2h));
        group.spawn(fail("first", 1h));
        std::string told;
        try {
            co_await group.join();
        } catch (const std::runtime_error& error) {
            told = error.what();
        }
        BOOST_TEST(told == "first");
        BOOST_TEST(group.is_cancelled());
        BOOST_TEST((clock.elapsed() == 1h));
        co_await group.join(); // nothing is left, and nothing is told again
    });
}

BOOST_AUTO_TEST_CASE(what_ends_by_being_cancelled_is_no_failure) {
    play([](Executor executor, HandClock& clock) -> Task<void> {
        TaskGroup group(executor);
        int ended = 0;
        auto work = [&]() -> Task<void> {
            try {
                co_await clock.sleep_for(1h);
            } catch (const boost::system::system_error&) {
                ++ended;
                throw;
            }
        };
        for (int i = 0; i < 3; ++i) group.spawn(work());
        group.cancel();
        co_await group.join();
        BOOST_TEST(ended == 3);
        BOOST_TEST(group.size() == 0U);
        BOOST_TEST((clock.elapsed() == 0h));
    });
}

BOOST_AUTO_TEST_SUITE_END()
