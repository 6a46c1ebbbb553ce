#pragma once

#include <chrono>

namespace cachefill::presence {

// How long a cache that cannot be asked (timed out, reset, 5xx, 429) is asked again before the answer stays unknown.
struct Patience {
    std::chrono::milliseconds away = std::chrono::minutes(10); // one that has answered before
    std::chrono::milliseconds never_seen = std::chrono::minutes(1);
    std::chrono::milliseconds one_path = std::chrono::minutes(1); // about this path, while others are answered
    // What follows from an answer that stays unknown; by default neither.
    bool offline = false;       // a cache that was never reached has nothing
    bool build_unknown = false; // any cache that stays away is taken to have nothing
};

} // namespace cachefill::presence
