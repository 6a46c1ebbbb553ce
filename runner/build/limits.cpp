#include "build/limits.hpp"

#include "base/text.hpp"
#include "base/units.hpp"

#include <algorithm>

namespace cachefill::build {

namespace {

using namespace std::chrono_literals;

// The daemon looks at its clock when it wakes, and what it says takes its way.
constexpr std::chrono::milliseconds slack = 5s;

} // namespace

LimitReached limit_reached(const BuildLimits& limits, const TimesOfBuild& times, const std::string& daemon_says) {
    auto distance = [](std::chrono::milliseconds passed, std::chrono::seconds limit) {
        return limit.count() > 0 ? std::chrono::abs(passed - limit) : std::chrono::milliseconds::max();
    };
    auto from_silence = distance(times.silent, limits.silence);
    auto from_time = distance(times.ran, limits.time);
    auto tolerated = [](std::chrono::seconds limit) { return std::max<std::chrono::milliseconds>(slack, limit / 10); };
    if (from_silence <= from_time && from_silence <= tolerated(limits.silence))
        return {event::BuildOutcome::silent,
                "printed nothing for " + human_duration(limits.silence) + " (--max-silent)"};
    if (from_time <= tolerated(limits.time))
        return {event::BuildOutcome::timed_out, "ran for " + human_duration(limits.time) + " (--build-timeout)"};
    return {event::BuildOutcome::timed_out,
            "ran into a time limit of Nix itself" + (daemon_says.empty() ? std::string() : ": " + daemon_says)};
}

} // namespace cachefill::build
