#pragma once

#include "async/signal.hpp"
#include "async/together.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "base/units.hpp"

#include <boost/system/system_error.hpp>

#include <optional>
#include <string>

namespace cachefill::async {

// The task's result, or a Failure of kind timeout after `limit`. Returns only when the task has unwound, so it may use
// the caller's frame. `doing` names what took too long.
template <class T>
Task<Result<T>> with_deadline(Task<Result<T>> task, std::chrono::steady_clock::duration limit, std::string doing) {
    auto executor = co_await asio::this_coro::executor;
    std::optional<Result<T>> result;
    SteadyTimer timer(executor, limit);
    bool expired = false;
    bool ended = false; // maybe before the clock is even watched
    auto work = [](Task<Result<T>> inner, std::optional<Result<T>>& out, SteadyTimer& clock, bool& flag) -> Task<void> {
        try {
            out.emplace(co_await std::move(inner));
        } catch (const boost::system::system_error&) { // cancelled: by the clock, or with the caller (join() rethrows)
            flag = true;
            clock.cancel();
            throw;
        }
        flag = true;
        clock.cancel();
    };
    auto watch = [](SteadyTimer& clock, TaskGroup& all, bool& flag, const bool& unneeded) -> Task<void> {
        if (unneeded) co_return;
        auto [error] = co_await clock.async_wait(use_task_tuple);
        if (error) co_return;
        flag = true;
        all.cancel();
    };
    auto both = [&](TaskGroup& group) {
        group.spawn(work(std::move(task), result, timer, ended));
        group.spawn(watch(timer, group, expired, ended));
    };
    co_await together(both);
    if (result) co_return std::move(*result);
    auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(limit);
    if (expired) co_return Failure(FailureKind::timeout, doing + " took longer than " + human_duration(waited));
    throw boost::system::system_error(asio::error::operation_aborted);
}

// In deadline.cpp: instantiated by several files, g++ 12 gives its frames different types (seen by link-time
// optimization).
extern template Task<Result<void>> with_deadline(Task<Result<void>>, std::chrono::steady_clock::duration, std::string);

} // namespace cachefill::async
