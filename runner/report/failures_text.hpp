#pragma once

#include "report/run_report.hpp"
#include "report/style.hpp"

#include <string>

namespace cachefill::report {

// What did not evaluate and what did not build: name, position or last log lines, what it blocks, how to see more. The
// part of the closing report that stands last, because that is where a person looks first. Empty if nothing failed.
std::string failures_text(const RunReport& report, const Style& style);

} // namespace cachefill::report
