#pragma once

#include "report/run_report.hpp"

#include <string>
#include <utility>
#include <vector>

namespace cachefill::report {

// What the later steps of a workflow can ask for, by name; docs/github.md describes them. All of them are there after
// every run, empty where this run cannot know: for instance what is missing, if it did not come to verifying.
std::vector<std::pair<std::string, std::string>> step_outputs(const RunReport& report);

} // namespace cachefill::report
