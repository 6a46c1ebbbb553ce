#pragma once

#include "event/event.hpp"

#include <string>

namespace cachefill::report {

// One event as one line of JSON, without a newline: "version", "type", then the event's own fields. docs/report.md
// describes them.
std::string json_line(const event::Event& event);

} // namespace cachefill::report
