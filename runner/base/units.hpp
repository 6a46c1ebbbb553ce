#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Sizes and times, as people write and read them.
namespace cachefill {

// "48.2 MiB"
std::string human_bytes(std::uint64_t bytes);
// "1.2 s", "4 min 05 s", "2 h 10 min"
std::string human_duration(std::chrono::milliseconds duration);

// 300, 90s, 5m, 300m, 6h, 1h30m. Empty when it is none of these.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);
// A moment in the past: a duration before `now` ("2h", "3d"), "2026-08-01", "2026-08-01 12:30[:00]" (local time), or
// "@SECONDS" since 1970. Empty when it is none of these.
std::optional<std::chrono::sys_seconds> parse_moment(std::string_view text, std::chrono::sys_seconds now);
// 1024, 64K, 300M, 5G (binary multiples, optional "iB"). Empty when it is none of these.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

} // namespace cachefill
