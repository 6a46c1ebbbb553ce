#include "build/timed_request.hpp"

#include "async/together.hpp"

namespace cachefill::build {

using async::Task;

namespace {

struct Asked {
    std::optional<BuildResults> results;
    bool ended = false;
};

Task<void> ask(daemon::Connection& connection, std::vector<daemon::DerivedPath> wanted, Asked& asked, async::Nap& nap) {
    try {
        asked.results = co_await connection.build_paths(std::move(wanted), daemon::BuildMode::normal);
    } catch (const boost::system::system_error&) { // cancelled: by the watch, or with the caller
        asked.ended = true;
        nap.wake();
        throw;
    }
    asked.ended = true;
    nap.wake();
}

} // namespace

Task<std::optional<BuildResults>> ask_in_time(daemon::Connection& connection, std::vector<daemon::DerivedPath> wanted,
                                              async::Clock& clock, std::chrono::milliseconds look_every,
                                              std::function<std::optional<async::Clock::TimePoint>()> at_the_latest) {
    Asked asked;
    async::Nap nap(co_await async::asio::this_coro::executor);
    auto watch = [](async::Clock& time, std::chrono::milliseconds every,
                    const std::function<std::optional<async::Clock::TimePoint>()>& latest, const Asked& state,
                    async::Nap& sleep, async::TaskGroup& all) -> Task<void> {
        while (!state.ended) {
            auto moment = latest();
            if (moment && time.now() >= *moment) break;
            co_await time.sleep_until(sleep, moment.value_or(time.now() + every));
        }
        if (!state.ended) all.cancel();
    };
    auto both = [&](async::TaskGroup& group) {
        group.spawn(ask(connection, std::move(wanted), asked, nap));
        group.spawn(watch(clock, look_every, at_the_latest, asked, nap, group));
    };
    co_await async::together(both);
    co_return std::move(asked.results);
}

} // namespace cachefill::build
