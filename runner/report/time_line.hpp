#pragma once

#include "report/joined.hpp"
#include "report/run_report.hpp"

#include <string>
#include <vector>

namespace cachefill::report {

// A run's stages and its longest builds over time, as a Gantt chart in Mermaid's language (without the fence around
// it). Empty if the run was too short to show anything.
std::string time_line(const RunReport& report);

// The longest builds of several jobs on one clock, a section for each job that built something, by when it began.
// Empty unless at least two did, and tell when they began.
std::string time_line(const std::vector<JobReport>& jobs);

} // namespace cachefill::report
