#pragma once

#include "report/display.hpp"

#include <memory>

namespace cachefill::report {

// Lines for a log file: milestones as they come, a summary for every so many builds and pushes, and a sign of life
// after half a minute of silence.
std::unique_ptr<Display> make_log_form(const DisplaySettings& settings);

} // namespace cachefill::report
