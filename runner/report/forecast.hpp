#pragma once

#include "event/event.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace cachefill::report {

// When the builds of a run will be done, as far as that can be told: from times that were measured before, and from
// what this run itself has shown, for every kind of build apart and for how much goes on at once. Nothing is invented:
// while compilations of unknown length lie ahead and none has ended yet, there is no answer.
class Forecast {
  public:
    using Clock = std::chrono::steady_clock;

    // A plan counts what is still to be built, and what failed or is blocked.
    void planned(const event::PlanChanged& plan, Clock::time_point now);
    void started(const event::BuildStarted& build, Clock::time_point now);
    void ended(const event::BuildFinished& build, Clock::time_point now);

    std::optional<std::chrono::milliseconds> left(Clock::time_point now) const;

  private:
    using Time = std::chrono::duration<double>; // seconds

    struct Running {
        Clock::time_point start;
        std::string kind;
        std::optional<Time> expected;
    };
    struct Kind { // of those builds that nobody measured before
        std::uint64_t planned = 0, begun = 0, ended = 0;
        Time took{};                      // of those that ended
        std::uint64_t measured_ended = 0; // of the same kind, but measured before
        Time measured_took{};
    };
    struct Work {
        Time time{};
        Time longest{}; // of those that run
        double builds = 0;
        bool is_known = true;
    };
    // What one of them takes on average; those that run count with the time they have run, or the short ones, which end
    // first, would be taken for all. If none has ended: as those of its kind that were measured before, else what small
    // ones usually take. Empty if only a compilation could tell.
    std::optional<Time> average(const std::string& kind, Clock::time_point now) const;
    Work work_left(Clock::time_point now) const;
    double slowness() const; // what was measured before takes so many times as long now

    std::map<std::string, Running> running_; // by derivation
    std::map<std::string, Kind> kinds_;
    Time expected_left_{};                   // of those measured before that have not begun
    Time expected_ended_{}, took_instead_{}; // of those measured before that were built
    Time chain_{};
    Clock::time_point planned_at_, first_start_;
    std::uint64_t measured_left_ = 0;
    bool has_begun_ = false;
    std::size_t most_at_once_ = 0;
    Time busy_{}; // of all that ended
};

} // namespace cachefill::report
