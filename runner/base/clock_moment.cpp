#include "base/clock_moment.hpp"

namespace cachefill {

std::optional<std::chrono::system_clock::time_point> clock_moment(std::tm parts) {
    constexpr int first_year = 1678 - 1900, last_year = 2261 - 1900;
    if (parts.tm_year < first_year || parts.tm_year > last_year) return {};
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

} // namespace cachefill
