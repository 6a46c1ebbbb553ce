#pragma once

#include "report/run_report.hpp"
#include "report/style.hpp"

#include <string>

namespace cachefill::report {

// Which hosts do not trust the cache, each with the lines that its configuration lacks; empty if all do.
std::string trust_text(const RunReport& report, const Style& style);

// The warnings and errors that the report keeps, each once, without those that are causes of its exit code.
std::string warnings_text(const RunReport& report, const Style& style);

} // namespace cachefill::report
