#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace cachefill::http {

// How many questions one place may be asked at once, found out by how it takes them. It begins low. A round is as many
// answers as there may be questions at once; after a round more are allowed, twice and soon four times as many, for as
// long as that brings more answers in a time: a good server has all of `most` after a few round trips. It goes back
// when more brings nothing, when connections are refused or reset, and when some are served and others are not (few
// workers, each tied to one connection), and tries more again later, less and less often. Pure: others tell what time
// it is.
class Concurrency {
  public:
    using Duration = std::chrono::steady_clock::duration;
    using TimePoint = std::chrono::steady_clock::time_point;

    // Before anything is known: small enough for a listen queue of five.
    static constexpr std::size_t first = 4;

    explicit Concurrency(std::size_t most);

    std::size_t limit() const { return limit_; }
    // What comes of an exchange counts only if it began under the limit of now: keep this number with it.
    std::uint64_t round() const { return round_; }
    // How long the first byte of an answer usually takes; empty before the first answer.
    std::optional<Duration> typical_wait() const { return typical_wait_; }

    struct Answer {
        std::uint64_t round = 0;
        std::optional<Duration> wait; // from the request to the first byte; empty if that says nothing (an upload)
        bool keeps_open = true;       // the connection may be used again
        std::size_t unserved = 0;     // connections under way on which nothing has come yet
        bool wanted = false;          // somebody waits for a turn
    };
    void answered(const Answer& answer, TimePoint now);
    // A connection was refused, reset or closed without a word, although others are served.
    void refused(std::uint64_t round, TimePoint now);
    // Only so many of the connections in use are served.
    void serves_only(std::size_t served, TimePoint now);
    // "Too many" was the answer, although others were good ones.
    void busy(std::uint64_t round, TimePoint now);

  private:
    bool brings_more(std::optional<Duration> wait) const;
    bool closes() const { return closed_in_a_row_ > 1; }
    void end_round(const Answer& answer, TimePoint now);
    void allow(std::size_t limit);
    void hold(TimePoint now);

    std::size_t most_;
    std::size_t limit_;
    std::size_t settled_; // the last limit that proved right; `limit_` is above it while more is being tried
    std::optional<Duration> settled_wait_;
    std::optional<Duration> typical_wait_;
    std::uint64_t round_ = 0;
    std::size_t answers_ = 0; // of this round
    std::vector<Duration> waits_;
    unsigned closed_in_a_row_ = 0; // answers that ended their connection
    bool bold_ = true;             // nothing has gone wrong yet: four times as many at once
    unsigned fruitless_ = 0;       // how often more has brought nothing, in a row
    std::size_t rest_ = 0;         // rounds until more is tried again
    TimePoint held_until_{};       // not before, after trouble
    Duration hold_{};              // the last one's length
};

} // namespace cachefill::http
