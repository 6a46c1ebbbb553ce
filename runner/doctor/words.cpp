#include "doctor/words.hpp"

#include "base/text.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <ctime>

namespace cachefill::doctor {

std::string clock_time(std::chrono::system_clock::time_point when) {
    auto seconds = std::chrono::system_clock::to_time_t(when + std::chrono::seconds(59));
    std::tm local{};
    ::localtime_r(&seconds, &local);
    return fmt::format("{:%H:%M}", local);
}

std::string some(const std::vector<std::string>& items, std::size_t most) {
    std::vector<std::string> first(items.begin(),
                                   items.begin() + static_cast<std::ptrdiff_t>(std::min(items.size(), most)));
    auto text = join(first, ", ");
    return items.size() > most ? text + " and " + std::to_string(items.size() - most) + " more" : text;
}

std::string short_sha(const std::string& sha) { return sha.substr(0, 7); }

} // namespace cachefill::doctor
