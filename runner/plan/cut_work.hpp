#pragma once

#include "plan/cut.hpp"

#include <cstdint>
#include <vector>

namespace cachefill::plan {

// What a cut is about, as numbers. By build of the plan.
struct CutWork {
    using Time = std::chrono::milliseconds;

    std::vector<Time> time;                                // to build it, never zero
    std::vector<Time> handover;                            // of its outputs to another shard
    std::vector<std::vector<std::uint32_t>> before, after; // those it needs, those that need it
    std::vector<std::size_t> kind;    // of machine; Cut::nobody: no machine builds it, or something it needs
    std::vector<std::uint32_t> order; // of those that have a kind: the longest remaining path first; deferred ones last
    std::vector<Time> remaining;      // the longest path that starts here, itself included
    std::vector<Time> of_kind;        // by kind: all its work

    std::size_t size() const { return time.size(); }
    // That no number of shards of these kinds gets below.
    Time bound(const std::vector<std::size_t>& shards_of_kind, std::size_t slots) const;
};

CutWork work_to_cut(const Graph& graph, const Plan& plan, const CutPolicy& policy);

} // namespace cachefill::plan
