#pragma once

#include "async/task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace cachefill::async {

// Runs one task to its end, on a loop of its own, and blocks meanwhile: for what has to be known before the program's
// loop begins. `work` is called with that loop's executor and outlives the task.
template <class Work> auto run_alone(Work work) {
    using Value = typename decltype(work(std::declval<Executor>()))::value_type;
    std::optional<Value> value;
    auto keep_value = [](Work& body, Executor executor, std::optional<Value>& kept) -> Task<void> {
        kept.emplace(co_await body(executor));
    };
    asio::io_context loop(1);
    std::exception_ptr thrown;
    auto keep_failure = [&thrown](std::exception_ptr error) { thrown = std::move(error); };
    asio::co_spawn(loop, keep_value(work, loop.get_executor(), value), std::move(keep_failure));
    loop.run();
    if (thrown) std::rethrow_exception(thrown);
    return std::move(*value);
}

} // namespace cachefill::async
