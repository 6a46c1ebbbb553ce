#pragma once

#include "report/host_changes.hpp"
#include "report/run_report.hpp"

#include <nlohmann/json_fwd.hpp>

// A closure_difference.hpp as people and programs read it.
namespace cachefill::report {

// "12 packages changed, 3 came, 1 went, 40 rebuilt, +41.0 MiB"; "nothing changed".
std::string headline(const ClosureDifference& difference);
// "firefox 141.0 → 142.0", "nginx 1.27.3 came": the `most` most telling, and how many more there are; may be empty.
std::string most_telling(const ClosureDifference& difference, std::size_t most);
// A line for each, indented; of each sort at most `most`.
std::string changes_text(const ClosureDifference& difference, std::size_t most);

// Of each host in which something has changed: its headline, and folded below it a table. Empty if there is none. At
// most `most_bytes`: tables that have no room are left out, then hosts, and those are counted.
std::string changes_markdown(const std::vector<HostChanges>& hosts, std::size_t most_bytes);
std::string changes_markdown(const RunReport& report);
// A line for each such host: its headline and what is most telling.
std::string changes_lines(const std::vector<HostChanges>& hosts);

// Complete. docs/report.md describes it.
nlohmann::ordered_json changes_json(const ClosureDifference& difference);
// What that says, which may come from another machine and version: what is not there or of another type is empty.
ClosureDifference read_changes(const nlohmann::json& json);

} // namespace cachefill::report
