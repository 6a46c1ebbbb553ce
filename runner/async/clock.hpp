#pragma once

#include "async/signal.hpp"

#include <chrono>

namespace cachefill::async {

// One sleeper, who may be woken before his time. Nobody else sleeps on it meanwhile.
class Nap {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    explicit Nap(Executor executor) : timer_(executor) {}
    // Until `moment`, or wake(). Throws operation_aborted when cancelled.
    Task<void> sleep_until(TimePoint moment);
    void wake() { timer_.cancel(); }

  private:
    SteadyTimer timer_;
};

// Time, for whoever decides by it: with a clock that a test cranks by hand (tests/support/hand_clock.hpp) minutes of
// waiting are code under test and no sleep.
class Clock {
  public:
    using TimePoint = Nap::TimePoint;
    using Duration = std::chrono::steady_clock::duration;

    virtual ~Clock() = default;
    virtual TimePoint now() const = 0;
    // What a calendar and other machines call it; this may be set.
    virtual std::chrono::system_clock::time_point wall_time() const = 0;
    // Sleeps until this clock shows `moment`, or until nap.wake().
    virtual Task<void> sleep_until(Nap& nap, TimePoint moment) = 0;
    std::chrono::milliseconds elapsed_since(TimePoint start) const { // rounded down
        return std::chrono::duration_cast<std::chrono::milliseconds>(now() - start);
    }
    // For whoever nobody wakes before his time.
    Task<void> sleep_for(Duration duration);
};

// The real one.
class SteadyClock final : public Clock {
  public:
    TimePoint now() const override { return std::chrono::steady_clock::now(); }
    std::chrono::system_clock::time_point wall_time() const override { return std::chrono::system_clock::now(); }
    Task<void> sleep_until(Nap& nap, TimePoint moment) override { return nap.sleep_until(moment); }
};

inline const SteadyClock& real_clock() {
    static const SteadyClock clock;
    return clock;
}

} // namespace cachefill::async
