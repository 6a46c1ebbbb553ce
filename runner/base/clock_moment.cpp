#include "base/clock_moment.hpp"

#include <iomanip>
#include <locale>
#include <sstream>
#include <string>

namespace cachefill {

std::optional<std::chrono::system_clock::time_point> clock_moment(std::tm parts) {
    constexpr int first_year = 1678 - 1900, last_year = 2261 - 1900;
    if (parts.tm_year < first_year || parts.tm_year > last_year) return {};
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::optional<std::chrono::system_clock::time_point> parse_utc(std::string_view text) {
    if (!text.ends_with('Z')) return {};
    std::istringstream stream{std::string(text)};
    stream.imbue(std::locale::classic());
    std::tm parts{};
    stream >> std::get_time(&parts, "%Y-%m-%dT%H:%M:%S");
    if (stream.fail()) return {};
    return clock_moment(parts);
}

} // namespace cachefill
