#pragma once

#include <chrono>

namespace cachefill::async {

using namespace std::chrono_literals;

// Exponential back-off with jitter. The time budget says when to give up; a count only if one is given.
struct RetryPolicy {
    std::chrono::milliseconds first_delay = 1s;
    std::chrono::milliseconds longest_delay = 15s;
    std::chrono::milliseconds longest_server_delay = 120s; // a Retry-After beyond this is cut
    std::chrono::milliseconds budget = 90s;                // the last try starts when it is over
    int attempts = 0;                                      // tries in all; 0: as many as the budget allows
};

} // namespace cachefill::async
