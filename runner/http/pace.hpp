#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace cachefill::http {

// How fast a place may be asked that answers some questions with "too many" (429, 503) and others well. Nobody is
// slowed down before that is said; then the pace follows what gets through: a little faster with each answer, slower
// with each refusal, so that a server with a limit of so many in a second gives nearly all of them and refuses few.
// Pure.
class Pace {
  public:
    using Duration = std::chrono::steady_clock::duration;
    using TimePoint = std::chrono::steady_clock::time_point;

    bool is_limited() const { return rate_ > 0; }
    // Not earlier may the next question be sent; in the past: now.
    TimePoint next() const { return std::max(next_, paused_until_); }
    // The server wants to be asked nothing before.
    TimePoint paused_until() const { return paused_until_; }
    // One is sent.
    void sent(TimePoint now);
    void answered(TimePoint now);
    // `began`: when the refused question was sent. `pause`: for so long the server wants to be asked nothing.
    void refused(TimePoint began, Duration pause, TimePoint now);
    // The place answers nobody any more: there is nothing to be gained by being slow.
    void forget() { *this = Pace(); }

  private:
    static constexpr std::size_t buckets = 10;

    void turn_to(TimePoint now);
    double answers_per_second(TimePoint now) const;
    Duration gap() const;

    double rate_ = 0; // in a second; 0: no limit
    TimePoint next_{};
    TimePoint paused_until_{};
    TimePoint last_cut_{};
    bool answered_since_ = false;
    // Answers of the last second, in tenths.
    std::array<std::uint32_t, buckets> counts_{};
    std::int64_t bucket_ = 0; // the newest, counted from the clock's beginning
    TimePoint first_answer_{};
};

} // namespace cachefill::http
