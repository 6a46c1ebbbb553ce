#pragma once

#include "event/kinds.hpp"

#include <chrono>
#include <string>

namespace cachefill::build {

// What a build may take. The daemon enforces them; which of the two it was is ours to know, because newer daemons say
// the same of both.
struct BuildLimits {
    std::chrono::seconds silence{0}; // without a log line; 0: none
    std::chrono::seconds time{0};    // in all; 0: none
};

// How long a build that the daemon ended for one of them had run, and for how long it had printed nothing.
struct TimesOfBuild {
    std::chrono::milliseconds ran{};
    std::chrono::milliseconds silent{};
};

struct LimitReached {
    event::BuildOutcome outcome = event::BuildOutcome::timed_out;
    std::string words; // "printed nothing for 1 h (--max-silent)"
};
// The limit whose moment lies nearest to the end. `daemon_says`: its own words, for a limit that is none of ours.
LimitReached limit_reached(const BuildLimits& limits, const TimesOfBuild& times, const std::string& daemon_says);

} // namespace cachefill::build
