#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::build {

// Which substituters are away, since when, and what follows for a path that only they have. Pure: moments are handed
// in. One fetch at a time tries whether a cache is back; the others go on with what does not hang on it.
class Outages {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    // `patience`: how long a cache may be away before what hangs on it is given up.
    explicit Outages(std::chrono::milliseconds patience) : patience_(patience) {}

    enum class Turn {
        go,
        wait,    // until next_moment(), or until something changes
        give_up, // patience is at its end, and the last try has failed
    };
    // Of a path that these caches have; none known: go.
    Turn turn(const std::vector<std::string>& caches, TimePoint now) const;

    // A try begins; if its caches are away, it is the one that finds out whether they are back.
    void begin(const std::vector<std::string>& caches);
    void end(const std::vector<std::string>& caches);

    // It was asked in vain, for instance by the daemon, which tries again by itself; since when, if that is the first
    // we hear of it. Returns how long it has been away.
    std::chrono::milliseconds note_trouble(const std::string& cache, TimePoint now, TimePoint since);
    // A try has failed because of it. The next one comes later each time.
    std::chrono::milliseconds note_failure(const std::string& cache, TimePoint now, TimePoint since);
    // It gave something; how long it was away, if it was.
    std::optional<std::chrono::milliseconds> note_answer(const std::string& cache, TimePoint now);

    bool is_away(const std::string& cache) const { return away_.contains(cache); }
    bool is_given_up(const std::string& cache) const;
    // When a turn changes by itself.
    std::optional<TimePoint> next_moment(TimePoint now) const;

  private:
    struct Outage {
        TimePoint since, next_try;
        int failures = 0;
        bool is_tried = false; // by somebody at this moment
        bool is_spent = false;
    };

    std::chrono::milliseconds patience_;
    std::map<std::string, Outage> away_;
};

} // namespace cachefill::build
