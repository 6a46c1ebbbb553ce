#pragma once

#include "async/clock.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>

namespace cachefill::test {

// A clock that stands still until it is cranked.
class HandClock final : public async::Clock {
  public:
    TimePoint now() const override { return now_; }
    // The first moment of 2026, and as much later as the clock has been cranked.
    std::chrono::system_clock::time_point wall_time() const override {
        return std::chrono::sys_days(std::chrono::year(2026) / 1 / 1) + now_.time_since_epoch();
    }

    async::Task<void> sleep_until(async::Nap& nap, TimePoint moment) override {
        auto place = sleepers_.emplace(moment, &nap);
        try {
            if (moment > now_) co_await nap.sleep_until(TimePoint::max());
        } catch (...) { // cancelled; passed on
            sleepers_.erase(place);
            throw;
        }
        sleepers_.erase(place);
    }

    // On to the next moment that somebody waits for; false if nobody does.
    bool crank() {
        if (sleepers_.empty()) return false;
        advance(std::max(now_, sleepers_.begin()->first) - now_);
        return true;
    }
    void advance(Duration time) {
        now_ += time;
        for (auto& [moment, nap] : sleepers_)
            if (moment <= now_) nap->wake();
    }
    std::chrono::milliseconds elapsed() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(now_ - TimePoint());
    }

  private:
    TimePoint now_{};
    std::multimap<TimePoint, async::Nap*> sleepers_;
};

// Runs a task to its end on a loop of its own, cranking the clock whenever nothing else is left to do. No sockets.
inline void run_by_hand(HandClock& clock, std::function<async::Task<void>(async::Executor)> make) {
    boost::asio::io_context loop;
    bool ended = false;
    std::exception_ptr error;
    boost::asio::co_spawn(loop, make(loop.get_executor()), [&](std::exception_ptr thrown) {
        ended = true;
        error = std::move(thrown);
    });
    while (!ended) {
        while (loop.poll() > 0) {
        }
        loop.restart();
        if (!ended && !clock.crank()) throw std::runtime_error("everything waits, and nobody for a moment");
    }
    if (error) std::rethrow_exception(error);
}

} // namespace cachefill::test
