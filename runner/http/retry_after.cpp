#include "http/retry_after.hpp"

#include "base/clock_moment.hpp"
#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <ctime>
#include <iomanip>
#include <locale>
#include <sstream>

namespace cachefill::http {

using std::chrono::seconds;
using std::chrono::system_clock;

namespace {

constexpr seconds longest = std::chrono::hours(24); // beyond that a number means nothing to us

std::optional<seconds> plausible(std::uint64_t value) {
    if (value == 0) return {};
    return std::min(seconds(std::min<std::uint64_t>(value, 1'000'000)), longest);
}

std::optional<seconds> from_header(std::string_view value, system_clock::time_point now) {
    if (auto number = parse_u64(value)) return plausible(*number);
    auto date = parse_http_date(value);
    if (!date || *date <= now) return {};
    return plausible(static_cast<std::uint64_t>(std::chrono::ceil<seconds>(*date - now).count()));
}

std::optional<seconds> from_body(const Response& response) {
    auto type = to_lower(response.find_header("Content-Type").value_or(""));
    if (!type.starts_with("application/json") && !type.starts_with("application/problem+json")) return {};
    auto json = nlohmann::json::parse(response.body, nullptr, false);
    if (!json.is_object()) return {};
    auto found = json.find("retry_after");
    if (found == json.end() || !found->is_number_integer()) return {};
    auto value = found->get<std::int64_t>();
    if (value <= 0) return {};
    return plausible(static_cast<std::uint64_t>(value));
}

} // namespace

std::optional<system_clock::time_point> parse_http_date(std::string_view text) {
    std::istringstream stream{std::string(text)};
    stream.imbue(std::locale::classic());
    std::tm parts{};
    stream >> std::get_time(&parts, "%a, %d %b %Y %H:%M:%S GMT");
    if (stream.fail()) return {};
    return clock_moment(parts);
}

std::optional<seconds> find_retry_after(const Response& response, system_clock::time_point now) {
    if (auto header = response.find_header("Retry-After"))
        if (auto delay = from_header(trim(*header), now)) return delay;
    return from_body(response);
}

} // namespace cachefill::http
