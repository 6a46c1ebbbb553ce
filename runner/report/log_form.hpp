#pragma once

#include "report/display.hpp"

#include <functional>
#include <memory>
#include <string>

namespace cachefill::report {

// Lines for a log file: milestones as they come, a summary for every so many builds and pushes, and a sign of life
// after half a minute of silence.
std::unique_ptr<Display> make_log_form(const DisplaySettings& settings);

// The same for lines that go elsewhere. `whole_logs`: the last lines of a failed build are told with its failure.
std::unique_ptr<Display> make_log_form(const DisplaySettings& settings, bool whole_logs,
                                       std::function<void(const std::string&)> write);

} // namespace cachefill::report
