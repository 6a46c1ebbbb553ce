#pragma once

#include "plan/cut_work.hpp"

#include <bitset>
#include <cstdint>
#include <vector>

namespace cachefill::plan {

// Of all shards, those of the first kind first. Some may be left without work.
using ShardSet = std::bitset<most_shards_of_all>;

// Each build on its shard, and when it is expected to run there.
struct Placement {
    std::vector<std::size_t> owner;                // by build: a shard, or Cut::nobody
    std::vector<ShardSet> copies;                  // by build: the shards that make it as well
    std::vector<std::vector<std::uint32_t>> order; // by shard: builds, copies among them
    std::vector<CutWork::Time> ends;               // by shard
    CutWork::Time makespan{};
    std::size_t handovers = 0;
};

struct ShardCounts {
    std::vector<std::size_t> of_kind;
    std::size_t slots;
    std::size_t all() const;
};

// Each build starts as early as it can, wherever that is.
Placement place_early(const CutWork& work, const ShardCounts& counts);

// Each build where most of what it needs is and where what needs it is going to be, as long as everything can be over
// by `due`. Placed again a few times, since where things are going to be is known only from the time before: all of
// these, the last ones mostly being the best.
std::vector<Placement> place_together(const CutWork& work, const ShardCounts& counts, CutWork::Time due);

} // namespace cachefill::plan
