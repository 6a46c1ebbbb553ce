#pragma once

#include <chrono>

namespace cachefill {

// By a clock that is never set; rounded down.
inline std::chrono::milliseconds elapsed_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

} // namespace cachefill
