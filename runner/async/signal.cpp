#include "async/signal.hpp"

#include <boost/system/system_error.hpp>

namespace cachefill::async {

Task<void> sleep_for(std::chrono::steady_clock::duration duration) {
    auto executor = co_await asio::this_coro::executor;
    SteadyTimer timer(executor, duration);
    co_await timer.async_wait(use_task);
}

Task<void> Signal::wait() {
    co_await async_wait();
    auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
}

} // namespace cachefill::async
