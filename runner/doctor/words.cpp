#include "doctor/words.hpp"

#include <fmt/chrono.h>

#include <ctime>

namespace cachefill::doctor {

std::string clock_time(std::chrono::system_clock::time_point when) {
    auto seconds = std::chrono::system_clock::to_time_t(when + std::chrono::seconds(59));
    std::tm local{};
    ::localtime_r(&seconds, &local);
    return fmt::format("{:%H:%M}", local);
}

std::string short_sha(const std::string& sha) { return sha.substr(0, 7); }

} // namespace cachefill::doctor
