#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace cachefill::doctor {

// "14:05" here, of a moment that has passed by then.
std::string clock_time(std::chrono::system_clock::time_point when);

// "a, b, c and 4 more"
std::string some(const std::vector<std::string>& items, std::size_t most = 3);

std::string short_sha(const std::string& sha);

} // namespace cachefill::doctor
