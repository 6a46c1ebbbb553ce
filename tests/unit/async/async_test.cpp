#include "async/beside.hpp"
#include "async/bounded_queue.hpp"
#include "async/deadline.hpp"
#include "async/limiter.hpp"
#include "async/retry.hpp"
#include "async/together.hpp"
#include "async/worker_pool.hpp"
#include "support/run_task.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <thread>

using namespace cachefill;
using namespace cachefill::async;
using namespace std::chrono_literals;
using test::run_task;

namespace {

Task<void> park(Signal& never, int& cancelled) {
    try {
        for (;;) co_await never.wait();
    } catch (const boost::system::system_error&) { // counted and passed on
        ++cancelled;
        throw;
    }
}

Task<void> fail_with(std::string text) {
    co_await sleep_for(1ms);
    throw std::runtime_error(text);
}

Task<Result<int>> answer_after(std::chrono::milliseconds delay, int answer) {
    co_await sleep_for(delay);
    co_return answer;
}

} // namespace

BOOST_AUTO_TEST_SUITE(async_kit)

BOOST_AUTO_TEST_CASE(a_failing_child_cancels_its_siblings_and_is_what_join_reports) {
    int cancelled = 0;
    auto body = [&](Executor executor) -> Task<void> {
        Signal never(executor);
        TaskGroup group(executor);
        for (int i = 0; i < 300; ++i) group.spawn(park(never, cancelled));
        group.spawn(fail_with("the seventh seal"));
        co_await group.join();
    };
    BOOST_CHECK_EXCEPTION(run_task<void>(body), std::runtime_error,
                          [](const auto& e) { return std::string(e.what()) == "the seventh seal"; });
    BOOST_TEST(cancelled == 300);
}

BOOST_AUTO_TEST_CASE(cancelling_the_owner_reaches_nested_groups_and_waits_for_them) {
    int cancelled = 0;
    auto body = [&](Executor executor) -> Task<void> {
        Signal never(executor);
        auto nested = [](Executor inner_executor, Signal& signal, int& count) -> Task<void> {
            TaskGroup inner(inner_executor);
            for (int i = 0; i < 3; ++i) inner.spawn(park(signal, count));
            co_await inner.join();
        };
        TaskGroup outer(executor);
        outer.spawn(nested(executor, never, cancelled));
        outer.spawn(nested(executor, never, cancelled));
        co_await sleep_for(5ms);
        outer.cancel();
        co_await outer.join();
    };
    run_task<void>(body);
    BOOST_TEST(cancelled == 6);
}

BOOST_AUTO_TEST_CASE(a_child_that_cancels_its_group_without_ever_waiting_is_seen_to_end) {
    int cancelled = 0;
    auto body = [&](Executor executor) -> Task<void> {
        Signal never(executor);
        TaskGroup group(executor);
        group.spawn(park(never, cancelled));
        auto ends_at_once = [](TaskGroup& all) -> Task<void> {
            all.cancel();
            co_return;
        };
        group.spawn(ends_at_once(group));
        co_await group.join();
    };
    run_task<void>(body);
    BOOST_TEST(cancelled == 1);
}

BOOST_AUTO_TEST_CASE(a_child_spawned_after_cancel_is_cancelled_at_once) {
    int cancelled = 0;
    auto body = [&](Executor executor) -> Task<void> {
        Signal never(executor);
        TaskGroup group(executor);
        group.cancel();
        group.spawn(park(never, cancelled));
        co_await group.join();
    };
    run_task<void>(body);
    BOOST_TEST(cancelled <= 1); // it need not even have started
}

BOOST_AUTO_TEST_CASE(a_closed_queue_delivers_what_it_holds) {
    std::vector<int> received;
    auto body = [&](Executor executor) -> Task<void> {
        BoundedQueue<int> queue(executor, 2);
        auto produce = [](BoundedQueue<int>& q) -> Task<void> {
            for (int i = 0; i < 5; ++i) co_await q.push(i);
            q.close();
        };
        TaskGroup group(executor);
        group.spawn(produce(queue));
        while (auto item = co_await queue.pop()) {
            BOOST_TEST(queue.size() <= 2U);
            received.push_back(*item);
        }
        BOOST_TEST(!co_await queue.push(9));
        co_await group.join();
    };
    run_task<void>(body);
    BOOST_TEST((received == std::vector{0, 1, 2, 3, 4}));
}

BOOST_AUTO_TEST_CASE(a_limiter_serves_in_order_and_survives_cancelled_waiters) {
    std::vector<int> order;
    auto body = [&](Executor executor) -> Task<void> {
        Limiter limiter(executor, 10);
        auto use = [](Limiter& all, std::vector<int>& log, int id, std::uint64_t units) -> Task<void> {
            auto permit = co_await all.acquire(units);
            log.push_back(id);
            co_await sleep_for(1ms);
        };
        auto first = co_await limiter.acquire(8);
        TaskGroup doomed(executor), group(executor);
        doomed.spawn(use(limiter, order, 99, 9));
        co_await sleep_for(1ms);
        group.spawn(use(limiter, order, 1, 9));
        group.spawn(use(limiter, order, 2, 2)); // would fit now, but may not overtake
        co_await sleep_for(1ms);
        BOOST_TEST(order.empty());
        doomed.cancel();
        co_await doomed.join();
        first.shrink_to(1);
        co_await group.join();
        first.release();
        BOOST_TEST(limiter.in_use() == 0U);
        auto all = co_await limiter.acquire(1000);
        BOOST_TEST(all.units() == 10U);
    };
    run_task<void>(body);
    BOOST_TEST((order == std::vector{1, 2}));
}

// Between two awaits: awaiting anything would throw from here on.
BOOST_AUTO_TEST_CASE(whoever_was_cancelled_before_starts_nothing_together_and_else_all_are_waited_for) {
    std::size_t started = 0, ended = 0;
    bool thrown = false;
    run_task<void>([&](Executor executor) -> Task<void> {
        TaskGroup group(executor);
        auto child = [](std::size_t& begun, std::size_t& done) -> Task<void> {
            ++begun;
            try {
                co_await sleep_for(1h);
            } catch (const boost::system::system_error&) { // cancelled
                ++done;
                throw;
            }
        };
        auto caller = [](auto& one, TaskGroup& all, std::size_t& begun, std::size_t& done, bool before,
                         bool& aborted) -> Task<void> {
            auto start = [&](TaskGroup& both) {
                both.spawn(one(begun, done));
                if (!before) all.cancel();
                both.spawn(one(begun, done));
            };
            if (before) all.cancel();
            try {
                co_await together(start);
            } catch (const boost::system::system_error& error) { // noted
                aborted = error.code() == asio::error::operation_aborted;
            }
        };
        group.spawn(caller(child, group, started, ended, true, thrown));
        co_await group.join();
        BOOST_TEST(thrown);
        BOOST_TEST(started == 0U);
        thrown = false;
        TaskGroup second(executor);
        second.spawn(caller(child, second, started, ended, false, thrown));
        co_await second.join();
    });
    BOOST_TEST(thrown);
    BOOST_TEST(started == 2U);
    BOOST_TEST(ended == 2U);
}

BOOST_AUTO_TEST_CASE(what_the_start_throws_is_thrown_once_its_children_have_ended) {
    std::size_t ended = 0;
    auto run = [&](Executor) -> Task<void> {
        auto child = [](std::size_t& done) -> Task<void> {
            try {
                co_await sleep_for(1h);
            } catch (const boost::system::system_error&) { // cancelled
                ++done;
                throw;
            }
        };
        auto start = [&](TaskGroup& group) {
            group.spawn(child(ended));
            throw std::runtime_error("no more memory");
        };
        co_await together(start);
    };
    BOOST_CHECK_THROW(run_task<void>(run), std::runtime_error);
    BOOST_TEST(ended == 1U);
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_what_takes_too_long_and_leaves_the_rest_alone) {
    auto body = [&](Executor) -> Task<void> {
        auto slow = answer_after(10s, 1);
        auto late = co_await with_deadline(std::move(slow), 5ms, "thinking");
        BOOST_REQUIRE(!late);
        BOOST_TEST((late.error().kind() == FailureKind::timeout));
        BOOST_TEST(late.error().cause() == "thinking took longer than 0.0 s");
        auto fast = answer_after(1ms, 42);
        auto good = co_await with_deadline(std::move(fast), 10s, "thinking");
        BOOST_TEST(good.value() == 42);
    };
    run_task<void>(body);
}

BOOST_AUTO_TEST_CASE(a_deadline_does_not_hold_up_what_ends_without_waiting) {
    auto body = [&](Executor) -> Task<void> {
        auto at_once = []() -> Task<Result<int>> { co_return 42; };
        auto begin = std::chrono::steady_clock::now();
        auto good = co_await with_deadline(at_once(), 5s, "thinking");
        BOOST_TEST(good.value() == 42);
        BOOST_TEST((std::chrono::steady_clock::now() - begin < 5s));
    };
    run_task<void>(body);
}

BOOST_AUTO_TEST_CASE(company_lasts_as_long_as_the_work_and_may_end_before) {
    int cancelled = 0;
    auto body = [&](Executor executor) -> Task<void> {
        Signal never(executor);
        auto work = answer_after(5ms, 42);
        auto company = park(never, cancelled);
        auto answer = co_await beside(std::move(work), std::move(company));
        BOOST_TEST(answer.value() == 42);
        BOOST_TEST(cancelled == 1);
        auto longer = answer_after(5ms, 43);
        auto shorter = sleep_for(1ms);
        auto later = co_await beside(std::move(longer), std::move(shorter));
        BOOST_TEST(later.value() == 43);
        auto never_done = answer_after(10s, 44);
        auto failing = fail_with("no company");
        auto both = beside(std::move(never_done), std::move(failing));
        bool thrown = false;
        try {
            auto nothing = co_await std::move(both);
            BOOST_TEST(!nothing.has_value());
        } catch (const std::runtime_error& error) { // what is expected
            thrown = error.what() == std::string("no company");
        }
        BOOST_TEST(thrown);
    };
    run_task<void>(body);
}

BOOST_AUTO_TEST_CASE(work_comes_back_to_the_loop_with_its_result_or_exception) {
    auto body = [&](Executor executor) -> Task<void> {
        WorkerPool pool(executor, 2);
        auto loop_thread = std::this_thread::get_id();
        auto work = [] { return std::this_thread::get_id(); };
        auto worker_thread = co_await pool.run(work);
        BOOST_TEST((worker_thread != loop_thread));
        BOOST_TEST((std::this_thread::get_id() == loop_thread));
        auto bad = []() -> int { throw std::runtime_error("no"); };
        bool threw = false;
        try {
            co_await pool.run(bad);
        } catch (const std::runtime_error&) { // what the test waits for
            threw = true;
        }
        BOOST_TEST(threw);
    };
    run_task<void>(body);
}

BOOST_AUTO_TEST_CASE(cancelled_work_is_waited_for_before_its_frame_goes) {
    auto body = [&](Executor executor) -> Task<void> {
        WorkerPool pool(executor, 1);
        bool ended = false;
        auto child = [](WorkerPool& workers, bool& flag) -> Task<void> {
            std::vector<int> owned_by_the_frame(1000, 1);
            auto work = [&owned_by_the_frame, &flag] {
                std::this_thread::sleep_for(20ms);
                owned_by_the_frame[999] = 2;
                flag = true;
                return true;
            };
            co_await workers.run(work);
        };
        TaskGroup group(executor);
        group.spawn(child(pool, ended));
        co_await sleep_for(2ms);
        group.cancel();
        co_await group.join();
        BOOST_TEST(ended);
    };
    run_task<void>(body);
}

BOOST_AUTO_TEST_CASE(delays_grow_with_jitter_obey_the_server_and_end_with_the_budget) {
    std::mt19937_64 random(1);
    RetryPolicy policy;
    for (int attempt = 1; attempt <= 8; ++attempt) {
        auto full = std::min<std::chrono::milliseconds>(1s * (1 << (attempt - 1)), 15s);
        for (int i = 0; i < 50; ++i) {
            auto delay = next_delay(attempt, 0ms, policy, {}, random);
            BOOST_REQUIRE(delay.has_value());
            BOOST_TEST((*delay >= full / 2 && *delay <= full));
        }
    }
    BOOST_TEST((next_delay(1, 0ms, policy, 30s, random) == 30s));
    RetryPolicy patient{.budget = 600s};
    BOOST_TEST((next_delay(1, 0ms, patient, 500s, random) == 120s));
    BOOST_TEST(!next_delay(1, 90s, policy, {}, random).has_value());
    BOOST_TEST((next_delay(60, policy.budget - 2s, policy, {}, random) == 2s)); // the last when the time is up
    BOOST_TEST(!next_delay(60, policy.budget - 2s, policy, 3s, random).has_value());
    BOOST_TEST(!next_delay(60, policy.budget - 1ms, policy, {}, random).has_value());
    BOOST_TEST(next_delay(60, 0ms, policy, {}, random).has_value());
    RetryPolicy counted{.attempts = 3};
    BOOST_TEST(next_delay(2, 0ms, counted, {}, random).has_value());
    BOOST_TEST(!next_delay(3, 0ms, counted, {}, random).has_value());
}

BOOST_AUTO_TEST_CASE(only_what_can_heal_is_tried_again_and_the_last_failure_counts_the_tries) {
    auto body = [&](Executor) -> Task<void> {
        std::mt19937_64 random(1);
        RetryPolicy policy{.first_delay = 1ms, .longest_delay = 2ms, .budget = 10ms};
        int calls = 0;
        auto never = [&calls]() -> Task<Result<int>> {
            ++calls;
            co_return Failure(FailureKind::auth, "401");
        };
        auto refused = co_await with_retry(policy, random, never);
        BOOST_TEST(calls == 1);
        BOOST_TEST(refused.error().cause() == "401");
        calls = 0;
        auto third_time = [&calls]() -> Task<Result<int>> {
            if (++calls < 3) co_return Failure(FailureKind::network, "503");
            co_return 7;
        };
        auto healed = co_await with_retry(policy, random, third_time);
        BOOST_TEST(healed.value() == 7);
        auto down = []() -> Task<Result<int>> { co_return Failure(FailureKind::network, "503"); };
        auto lost = co_await with_retry(policy, random, down);
        BOOST_TEST(lost.error().cause().find("tries in") != std::string::npos);
    };
    run_task<void>(body);
}

BOOST_AUTO_TEST_SUITE_END()
