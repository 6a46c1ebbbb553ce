#include "async/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

namespace cachefill::async {

namespace {

bool is_abort(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const boost::system::system_error& system_error) {
        return system_error.code() == asio::error::operation_aborted;
    } catch (...) { // any other exception is kept by the caller and rethrown by join()
        return false;
    }
}

// Asio has one more await behind the end of a child that never waited. Where that child has been cancelled meanwhile,
// perhaps by itself, this await would throw past everybody, and the child would never be seen to end.
Task<void> with_quiet_end(Task<void> child) {
    std::exception_ptr error;
    try {
        co_await std::move(child);
    } catch (...) { // rethrown below, for join()
        error = std::current_exception();
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    if (error) std::rethrow_exception(error);
}

} // namespace

TaskGroup::~TaskGroup() {
    if (!children_.empty()) std::terminate();
}

void TaskGroup::spawn(Task<void> child) {
    auto it = children_.emplace(children_.end());
    auto on_finish = [this, it](std::exception_ptr error) { finished(it, std::move(error)); };
    auto quiet = with_quiet_end(std::move(child));
    asio::co_spawn(executor_, std::move(quiet),
                   asio::bind_cancellation_slot(it->cancellation.slot(), std::move(on_finish)));
    if (cancelled_) it->cancellation.emit(asio::cancellation_type::terminal);
}

void TaskGroup::cancel() {
    cancelled_ = true;
    // A child may finish, and so leave the list, while its signal is being emitted.
    for (auto it = children_.begin(); it != children_.end();) {
        auto current = it++;
        current->cancellation.emit(asio::cancellation_type::terminal);
    }
}

void TaskGroup::finished(std::list<Child>::iterator child, std::exception_ptr error) {
    children_.erase(child);
    changed_.notify_all();
    if (!error || is_abort(error)) return;
    if (!first_error_) first_error_ = std::move(error);
    cancel();
}

Task<void> TaskGroup::join() {
    // Asio throws at every await of a cancelled coroutine unless told not to; this one has to wait for its children
    // first.
    bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    auto state = co_await asio::this_coro::cancellation_state;
    auto caller_cancelled = [&state] { return state.cancelled() != asio::cancellation_type::none; };
    bool passed_on = false;
    while (!children_.empty()) {
        if (!passed_on && caller_cancelled()) {
            passed_on = true;
            cancel();
            continue;
        }
        co_await changed_.async_wait();
    }
    co_await asio::this_coro::throw_if_cancelled(throws);
    if (first_error_) std::rethrow_exception(std::exchange(first_error_, nullptr));
    if (throws && caller_cancelled()) throw boost::system::system_error(asio::error::operation_aborted);
}

Task<void> TaskGroup::wait_until_fewer_than(std::size_t limit) {
    while (children_.size() >= limit) co_await changed_.wait();
}

} // namespace cachefill::async
