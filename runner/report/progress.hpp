#pragma once

#include "event/event.hpp"
#include "report/forecast.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace cachefill::report {

// Where a run stands, added up from its events; what both forms of display draw from.
class Progress {
  public:
    using Clock = std::chrono::steady_clock;

    struct Build {
        std::string name;
        Clock::time_point start;
        std::string last_line;
        std::uint64_t order = 0; // in which they started
    };
    struct Upload {
        std::string name;
        Clock::time_point start;
        std::uint64_t nar_size = 0, uploaded = 0;
    };

    void apply(const event::Event& event, Clock::time_point now);

    bool is_running(event::Stage stage) const;
    bool has_finished(event::Stage stage) const;

    // All builds of the run, done ones among them, as far as planned by now.
    std::uint64_t builds_planned() const;
    std::uint64_t builds_ended() const { return built + failed + blocked + cancelled; }
    // Until the last build ends; empty as long as there is nothing to tell it from.
    std::optional<std::chrono::milliseconds> expected_left(Clock::time_point now) const;
    // Compressed bytes per second over the last few seconds.
    double upload_rate(Clock::time_point now) const;

    std::uint64_t targets = 0, evaluated = 0, not_evaluated = 0;
    std::uint64_t paths_asked = 0;
    std::uint64_t fetched = 0, built = 0, failed = 0, blocked = 0, cancelled = 0;
    std::uint64_t pushed = 0, already_there = 0, not_pushed = 0, bytes_up = 0;
    std::uint64_t verified = 0, verified_complete = 0;
    std::map<std::string, Clock::time_point> evaluations; // running, by target
    struct Wait {
        Clock::time_point since;
        std::string said;
    };
    std::map<std::string, Wait> waits; // for caches that do not answer, by address
    struct Cloud {
        std::string text;
        Clock::time_point since; // when its run began; where that is not known, when the wait did
    };
    std::optional<Cloud> cloud;            // what is waited for, by `wait`
    std::map<std::string, Build> builds;   // running, by derivation
    std::map<std::string, Upload> uploads; // running, by path
    std::optional<event::PlanChanged> plan;

  private:
    void apply_cloud(const event::CloudWaiting& waiting, Clock::time_point now);
    struct Sample {
        Clock::time_point when;
        std::uint64_t bytes;
    };
    void add_bytes(std::uint64_t bytes, Clock::time_point now);
    void apply(const event::BuildFinished& finished);

    std::map<event::Stage, bool> stages_; // true: finished
    Forecast forecast_;
    std::optional<Clock::time_point> waiting_since_; // for the cloud
    std::uint64_t built_when_planned_ = 0;
    std::uint64_t started_ = 0;
    std::deque<Sample> samples_;
};

} // namespace cachefill::report
