#pragma once

#include "async/task_group.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <functional>
#include <optional>

namespace cachefill::test {

template <class T> async::Task<void> store_result(async::Task<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
}

// Runs one task on a loop of its own to its end and returns its result; rethrows what it throws.
template <class T> T run_task(std::function<async::Task<T>(async::Executor)> make) {
    boost::asio::io_context loop;
    std::exception_ptr error;
    auto keep_error = [&error](std::exception_ptr thrown) { error = std::move(thrown); };
    if constexpr (std::is_void_v<T>) {
        boost::asio::co_spawn(loop, make(loop.get_executor()), keep_error);
        loop.run();
        if (error) std::rethrow_exception(error);
    } else {
        std::optional<T> result;
        boost::asio::co_spawn(loop, store_result(make(loop.get_executor()), result), keep_error);
        loop.run();
        if (error) std::rethrow_exception(error);
        return std::move(*result);
    }
}

} // namespace cachefill::test
