#pragma once

#include <chrono>
#include <ctime>
#include <optional>

namespace cachefill {

// The moment of these parts of a date, in UTC, whoever wrote them; empty beyond what the clock can count, from 1678 to
// 2261.
std::optional<std::chrono::system_clock::time_point> clock_moment(std::tm parts);

} // namespace cachefill
