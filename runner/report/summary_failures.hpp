#pragma once

#include "report/run_report.hpp"

#include <cstddef>
#include <string>

namespace cachefill::report {

// The part of a summary about what does not evaluate and what did not build: each with the end of what it said, the
// first ones unfolded. Once this takes about `most_bytes`, the others are only named. Empty if nothing failed.
std::string failures_markdown(const RunReport& report, std::size_t most_bytes);

} // namespace cachefill::report
