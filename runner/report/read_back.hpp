#pragma once

#include "report/run_report.hpp"

#include <string_view>

namespace cachefill::report {

// A JSON report as data again, as far as to_junit() shows it: targets, builds and pushes. What is not there, or of
// another type, is empty.
RunReport read_back(std::string_view json);

} // namespace cachefill::report
