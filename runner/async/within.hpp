#pragma once

#include "async/clock.hpp"
#include "async/together.hpp"

#include <optional>

namespace cachefill::async {

// As with_deadline(), by a clock that a test cranks. The task's result; empty if there was none when `limit` had passed
// on the clock. Returns only when the task has unwound, so it may use the caller's frame. Throws what the task throws.
template <class T> Task<std::optional<T>> within(Clock& clock, Clock::Duration limit, Task<T> task) {
    std::optional<T> result;
    auto work = [](Task<T> inner, std::optional<T>& out, TaskGroup& group) -> Task<void> {
        out.emplace(co_await std::move(inner));
        group.cancel();
    };
    auto alarm = [](Clock& watch, Clock::Duration time, TaskGroup& group) -> Task<void> {
        co_await watch.sleep_for(time);
        group.cancel();
    };
    auto both = [&](TaskGroup& group) {
        group.spawn(alarm(clock, limit, group));
        group.spawn(work(std::move(task), result, group));
    };
    co_await together(both);
    co_return result;
}

} // namespace cachefill::async
