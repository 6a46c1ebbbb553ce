#pragma once

#include "report/run_report.hpp"

#include <string>

namespace cachefill::report {

// A run's stages and its longest builds over time, as a Gantt chart in Mermaid's language (without the fence around
// it). Empty if the run was too short to show anything.
std::string time_line(const RunReport& report);

} // namespace cachefill::report
