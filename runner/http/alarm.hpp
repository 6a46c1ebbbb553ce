#pragma once

#include "async/signal.hpp"

#include <functional>
#include <memory>

namespace cachefill::http {

// Calls back once at a set time; not after it has been set anew or has gone away.
class Alarm {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    Alarm(async::Executor executor, std::function<void()> call);
    Alarm(const Alarm&) = delete;
    Alarm& operator=(const Alarm&) = delete;
    ~Alarm();

    void set(TimePoint when);
    bool is_set() const;

  private:
    struct State; // shared with the timer's handler, which may already be queued when the alarm goes away
    std::shared_ptr<State> state_;
};

} // namespace cachefill::http
