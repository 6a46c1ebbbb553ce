#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cachefill::report {

struct RunReport;

// Lines that hosts' owners would add to make them trust a cache; hosts that need the same stand together.
struct TrustLines {
    std::vector<std::string> hosts, lines;
};

// An upstream that was given and has what is to be built, but that some hosts do not trust.
struct UncountedUpstream {
    std::string url;
    std::uint64_t paths = 0, of = 0; // outputs that it has, of those that are (or were) to be built
    std::vector<std::string> hosts;
    std::vector<TrustLines> advice;

    // "upstream https://u has 206 of the 1450 outputs that would be built, but …"
    std::string text() const;
    static constexpr const char* option = "--upstreams-count-given";
};

// What goes up although an upstream serves it: a cache that shows a path only when it knows of all that this refers to
// has to have it itself, unless it counts that upstream among its own.
struct UpstreamPushes {
    std::uint64_t paths = 0, nar_bytes = 0, file_bytes = 0;
    std::vector<std::string> upstreams; // URLs
    std::uint64_t size_budget = 0;      // of the run; 0: none

    // `planned`: it is at most so much. Empty if there is nothing.
    std::string text(const std::string& cache, bool planned) const;
    std::string hint(const std::string& cache) const;
};

// For the closing text and for the step summary; empty if there is nothing to tell.
std::vector<std::string> uncounted_text(const RunReport& report);
std::string uncounted_markdown(const RunReport& report);

} // namespace cachefill::report
