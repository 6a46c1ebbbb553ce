#pragma once

#include "report/joined.hpp"

#include <cstdint>
#include <vector>

namespace cachefill::report {

// Each host that any of the reports names, once.
struct HostCount {
    std::uint64_t hosts = 0;    // without those of which all that was asked for is that they evaluate
    std::uint64_t complete = 0; // by the word of every job that was to fill them
};
HostCount count_hosts(const std::vector<JobReport>& jobs);

// Hosts that nobody was to fill: one warning for each that every job left to another, and one word on those that were
// evaluated only, as somebody asked for.
std::vector<Finding> hosts_of_nobody(const std::vector<JobReport>& jobs);

} // namespace cachefill::report
