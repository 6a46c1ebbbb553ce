#pragma once

#include <chrono>
#include <ctime>
#include <optional>
#include <string_view>

namespace cachefill {

// The moment of these parts of a date, in UTC, whoever wrote them; empty beyond what the clock can count, from 1678 to
// 2261.
std::optional<std::chrono::system_clock::time_point> clock_moment(std::tm parts);

// "2026-08-20T11:02:13Z", as ISO 8601 writes a moment in UTC; fractions of a second are left out. Empty for anything
// else.
std::optional<std::chrono::system_clock::time_point> parse_utc(std::string_view text);

} // namespace cachefill
