#include "build/limits.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::build;
using event::BuildOutcome;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(limits)

BOOST_AUTO_TEST_CASE(which_limit_ended_a_build_is_known_by_our_own_clock) {
    struct Case {
        BuildLimits limits;
        TimesOfBuild times;
        BuildOutcome outcome;
        std::string words;
    };
    const BuildLimits both{.silence = 1h, .time = 3h}, silence{.silence = 1h, .time = 0s},
        time{.silence = 0s, .time = 3h};
    const std::string was_silent = "printed nothing for 1 h 00 min (--max-silent)",
                      ran = "ran for 3 h 00 min (--build-timeout)";
    const std::vector<Case> cases{
        {both, {.ran = 100min, .silent = 1h}, BuildOutcome::silent, was_silent},
        {both, {.ran = 3h, .silent = 5s}, BuildOutcome::timed_out, ran},
        {both, {.ran = 3h, .silent = 58min}, BuildOutcome::timed_out, ran},       // nearly silent for long enough
        {both, {.ran = 3h + 1s, .silent = 1h}, BuildOutcome::silent, was_silent}, // both at once
        {silence, {.ran = 5h, .silent = 1h + 3s}, BuildOutcome::silent, was_silent},
        {time, {.ran = 3h, .silent = 3h}, BuildOutcome::timed_out, ran},
        // Neither is ours: the daemon's own setting.
        {silence,
         {.ran = 10min, .silent = 1s},
         BuildOutcome::timed_out,
         "ran into a time limit of Nix itself: timed out after 600 seconds"},
        {{},
         {.ran = 10min, .silent = 10min},
         BuildOutcome::timed_out,
         "ran into a time limit of Nix itself: timed out after 600 seconds"},
    };
    for (const auto& row : cases) {
        auto reached = limit_reached(row.limits, row.times, "timed out after 600 seconds");
        BOOST_TEST((reached.outcome == row.outcome));
        BOOST_TEST(reached.words == row.words);
    }
    // Short limits, as in tests: the slack is no more than there is between them.
    auto short_one = limit_reached({.silence = 2s, .time = 4s}, {.ran = 4s, .silent = 1s}, "");
    BOOST_TEST((short_one.outcome == BuildOutcome::timed_out));
}

BOOST_AUTO_TEST_SUITE_END()
