#include "base/units.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <limits>

namespace cachefill {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

} // namespace

std::string human_bytes(std::uint64_t bytes) {
    static constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1023.95 && unit + 1 < units.size(); ++unit) value /= 1024;
    std::array<char, 32> buffer{};
    if (unit == 0)
        std::snprintf(buffer.data(), buffer.size(), "%llu B", static_cast<unsigned long long>(bytes));
    else
        std::snprintf(buffer.data(), buffer.size(), "%.1f %s", value, units[unit]);
    return buffer.data();
}

std::string human_duration(std::chrono::milliseconds duration) {
    auto ms = duration.count();
    std::array<char, 48> buffer{};
    if (ms < 59'950) { // from there on it would be rounded to "60.0 s"
        std::snprintf(buffer.data(), buffer.size(), "%.1f s", static_cast<double>(ms) / 1000);
        return buffer.data();
    }
    auto seconds = (ms + 500) / 1000;
    if (seconds < 3600)
        std::snprintf(buffer.data(), buffer.size(), "%lld min %02lld s", static_cast<long long>(seconds / 60),
                      static_cast<long long>(seconds % 60));
    else
        std::snprintf(buffer.data(), buffer.size(), "%lld h %02lld min", static_cast<long long>(seconds / 3600),
                      static_cast<long long>(seconds % 3600 / 60));
    return buffer.data();
}

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
    if (auto plain = parse_u64(text)) {
        if (*plain > 10ULL * 366 * 24 * 3600) return {};
        return std::chrono::seconds(*plain);
    }
    std::uint64_t total = 0;
    std::uint64_t last_unit = std::numeric_limits<std::uint64_t>::max();
    for (std::size_t i = 0; i < text.size();) {
        std::size_t start = i;
        while (i < text.size() && is_digit(text[i])) ++i;
        auto number = parse_u64(text.substr(start, i - start));
        if (!number || i >= text.size()) return {};
        std::uint64_t unit = 0;
        switch (text[i++]) {
        case 's':
            unit = 1;
            break;
        case 'm':
            unit = 60;
            break;
        case 'h':
            unit = 3600;
            break;
        case 'd':
            unit = 86400;
            break;
        default:
            return {};
        }
        if (unit >= last_unit || *number > 10ULL * 366 * 24 * 3600 / unit) return {};
        last_unit = unit;
        total += *number * unit;
    }
    if (text.empty()) return {};
    return std::chrono::seconds(total);
}

std::optional<std::chrono::sys_seconds> parse_moment(std::string_view text, std::chrono::sys_seconds now) {
    using std::chrono::seconds, std::chrono::sys_seconds;
    if (text.starts_with('@')) {
        auto number = parse_u64(text.substr(1));
        if (!number || *number > 253'402'300'799) return {}; // the year 9999
        return sys_seconds(seconds(*number));
    }
    if (auto duration = parse_duration(text)) return now - *duration;
    std::tm parts{};
    for (const auto* form :
         {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"}) {
        parts = {};
        parts.tm_isdst = -1; // whether it is summer there, mktime finds out
        std::string whole(text);
        const auto* end = ::strptime(whole.c_str(), form, &parts);
        if (!end || *end != '\0') continue;
        const int day = parts.tm_mday;
        auto moment = std::mktime(&parts);
        if (parts.tm_mday != day) return {}; // February has no 30th, of which mktime makes a day in March
        return sys_seconds(seconds(moment));
    }
    return {};
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
    auto digits = text.substr(0, text.find_first_not_of("0123456789"));
    auto suffix = text.substr(digits.size());
    auto number = parse_u64(digits);
    if (!number) return {};
    if (suffix.ends_with("iB")) suffix.remove_suffix(2);
    int shift = 0;
    if (suffix == "K" || suffix == "k")
        shift = 10;
    else if (suffix == "M")
        shift = 20;
    else if (suffix == "G")
        shift = 30;
    else if (suffix == "T")
        shift = 40;
    else if (!suffix.empty())
        return {};
    if (*number > (std::numeric_limits<std::uint64_t>::max() >> shift)) return {};
    return *number << shift;
}

} // namespace cachefill
