#pragma once

#include "base/environment.hpp"

#include <nlohmann/json_fwd.hpp>

namespace cachefill::github {

// The file that GITHUB_EVENT_PATH names: what the event is about. Null where there is none; "discarded", which has no
// members, where there is one that cannot be read.
nlohmann::json read_event_payload(const Environment& environment);

} // namespace cachefill::github
