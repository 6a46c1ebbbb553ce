#pragma once

#include "daemon/fetch_trouble.hpp"
#include "daemon/messages.hpp"

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::build {

// How long the daemon may bring nothing while it fetches one path with all it references.
struct FetchLimits {
    // Without a word: as long as Nix itself waits for a download that stalls (stalled-download-timeout).
    std::chrono::milliseconds silence = std::chrono::minutes(5);
    // After it said that it will try again. It may mean to wait for minutes, whatever the server asked for; a new try
    // of ours begins at once.
    std::chrono::milliseconds after_trouble = std::chrono::seconds(30);
};

// Looks after one try to fetch: what the daemon says, whether anything moves, when to give this try up. Pure: moments
// are handed in.
class FetchWatch {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    FetchWatch(const FetchLimits& limits, TimePoint now) : limits_(limits), last_life_(now), last_change_(now) {}

    // Returns the trouble with the network that the event tells of, if it does.
    std::optional<daemon::FetchReason> on_event(const daemon::LogEvent& event, TimePoint now);

    // This try is to be cut off then, unless something moves before.
    TimePoint deadline() const {
        return trouble_ ? std::max(last_life_, last_change_) + limits_.after_trouble : last_life_ + limits_.silence;
    }
    TimePoint last_life() const { return last_life_; } // when something moved
    // Nix means to try again; since when that is so.
    std::optional<TimePoint> trouble_since() const { return trouble_ ? std::optional(last_change_) : std::nullopt; }
    // Why it was cut off, or would be now.
    daemon::FetchReason reason_of_cut() const;
    daemon::FetchReason reason_of_waiting(TimePoint now) const;

    const std::vector<std::string>& messages() const { return messages_; }
    // Caches that gave bytes in this try.
    const std::set<std::string>& gave() const { return gave_; }
    // Some path has come whole. One that answers questions and never sends what was promised gives, too, and brings
    // nothing.
    bool has_brought() const { return has_brought_; }

  private:
    void note_life(TimePoint now);

    FetchLimits limits_;
    TimePoint last_life_;
    TimePoint last_change_; // when trouble was first told of
    std::optional<daemon::FetchReason> trouble_;
    std::uint64_t bytes_since_trouble_ = 0;
    std::string asked_; // the cache that was asked last
    std::vector<std::string> messages_;
    std::set<std::string> gave_;
    bool has_brought_ = false;
};

} // namespace cachefill::build
