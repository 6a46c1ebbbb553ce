#pragma once

#include "report/run_report.hpp"

#include <cstddef>
#include <string>

namespace cachefill::report {

struct SummarySettings {
    std::size_t most_bytes = 1000 * 1000; // GitHub throws more than 1 MiB away, whole
    std::string run_url;                  // of the run on GitHub; may be empty
    std::string report_file;              // where all of it stands as JSON; may be empty
    std::string shards;                   // of a plan for several machines, who builds what, as Markdown
};

// What a run did, as a page of GitHub's Markdown: the verdict, failures first with the ends of their logs, a table of
// the hosts, a time line, what is missing, left out or not trusted. Never longer than `most_bytes`; what had to go is
// named at the end.
std::string to_markdown(const RunReport& report, const SummarySettings& settings);

// One line: "3 of 4 hosts are complete in team".
std::string verdict(const RunReport& report);

} // namespace cachefill::report
