#pragma once

#include "report/run_report.hpp"

#include <string>

namespace cachefill::report {

// "next: cachefill run .": a command that can be pasted; what is to be known about it stands in front of it or in
// parentheses. Empty: nothing is left to do, or nobody knows what.
std::string next_step(const RunReport& report, const Figures& sums);

} // namespace cachefill::report
