#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace cachefill::doctor {

// "14:05" here, of a moment that has passed by then.
std::string clock_time(std::chrono::system_clock::time_point when);

std::string short_sha(const std::string& sha);

} // namespace cachefill::doctor
