#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace cachefill::async {

namespace asio = boost::asio;

// Everything that waits runs on one io_context and one thread; objects of ours live there without locks. Code between
// two awaits is a transaction; after an await, look again at what others may have changed.
//
// One concrete executor type throughout: with any_io_executor the same code takes half as long again to compile.
using Executor = asio::io_context::executor_type;

template <class T = void> using Task = asio::awaitable<T, Executor>;

// Completion token: `co_await thing.async_x(…, use_task)` throws system_error on failure, also when cancelled.
inline constexpr asio::use_awaitable_t<Executor> use_task{};
// The same, but errors come back as a tuple's first element.
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> use_task_tuple{};

} // namespace cachefill::async
