#pragma once

#include "report/joined.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cachefill::report {

// What a webhook understands. `automatic`: told by the host of its URL; anything unknown gets plain JSON.
enum class NotifyFormat : std::uint8_t { automatic, discord, slack, json };

NotifyFormat format_for(std::string_view url, NotifyFormat wanted);
std::string_view to_string(NotifyFormat format);

// The body to post about a joined report, or nothing when there is nothing to say: no finding is as severe as `from`,
// and `from` is never info. Within the limits of each service; foreign text can neither format nor mention anybody.
std::optional<std::string> notification(const Joined& joined, event::Severity from, NotifyFormat format);

} // namespace cachefill::report
