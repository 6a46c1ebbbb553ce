#include "async/clock.hpp"

#include <boost/system/system_error.hpp>

namespace cachefill::async {

Task<void> Nap::sleep_until(TimePoint moment) {
    timer_.expires_at(moment);
    co_await timer_.async_wait(use_task_tuple);
    auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
}

Task<void> Clock::sleep_for(Duration duration) {
    Nap nap(co_await asio::this_coro::executor);
    co_await sleep_until(nap, now() + duration);
}

} // namespace cachefill::async
