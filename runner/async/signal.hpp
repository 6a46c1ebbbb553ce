#pragma once

#include "async/task.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

#include <chrono>

namespace cachefill::async {

using SteadyTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

// Pauses; throws operation_aborted when cancelled.
Task<void> sleep_for(std::chrono::steady_clock::duration duration);

// A wake-up call without memory: wait() ends at the next notify_all(). Wait in a loop that checks what it waits for.
// Must outlive its waiters.
class Signal {
  public:
    explicit Signal(Executor executor) : timer_(executor, SteadyTimer::time_point::max()) {}

    void notify_all() { timer_.cancel(); }
    // Throws operation_aborted when the waiting coroutine is cancelled.
    Task<void> wait();

    // What wait() is made of: `co_await signal.async_wait()` ends at notify_all() and at cancellation alike, without
    // throwing. For code that goes on although cancelled; it has switched this_coro::throw_if_cancelled off.
    auto async_wait() { return timer_.async_wait(use_task_tuple); }

  private:
    SteadyTimer timer_;
};

} // namespace cachefill::async
