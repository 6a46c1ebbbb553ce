#pragma once

#include "async/task_group.hpp"

#include <boost/system/system_error.hpp>

namespace cachefill::async {

// Calls `start(group)`, a plain function that spawns, and comes back once no child of the group is left, whatever
// happens: a caller that was cancelled before spawns nothing; one that is cancelled meanwhile, or whose `start` throws,
// has the children cancelled and waited for. Throws what TaskGroup::join() throws. The group, `start` and what it
// refers to stay the caller's.
//
// Awaiting join() after spawning would throw past living children, and so end the program, where the caller has been
// cancelled between two awaits.
template <class Start> Task<void> together(TaskGroup& group, Start& start) {
    bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    std::exception_ptr error;
    try {
        start(group);
    } catch (...) { // rethrown below, once the children have ended
        error = std::current_exception();
        group.cancel();
    }
    try {
        co_await group.join();
    } catch (...) { // likewise
        if (!error) error = std::current_exception();
    }
    co_await asio::this_coro::throw_if_cancelled(throws);
    if (error) std::rethrow_exception(error);
    auto state = co_await asio::this_coro::cancellation_state;
    if (throws && state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
}

// The same with a group of its own.
template <class Start> Task<void> together(Start& start) {
    TaskGroup group(co_await asio::this_coro::executor);
    co_await together(group, start);
}

} // namespace cachefill::async
