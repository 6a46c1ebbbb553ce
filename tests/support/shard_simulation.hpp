#pragma once

#include "plan/cut.hpp"

#include <cstddef>
#include <vector>

namespace cachefill::test {

// Shards as they really go about it, each by itself: whenever a slot is free it starts the first build of its order
// that lacks nothing. What a shard does not make itself comes from its owner, a handover after that has built it.
struct SimulatedShards {
    using Time = std::chrono::milliseconds;

    std::vector<std::vector<std::size_t>> orders; // by shard: builds of the plan
    std::vector<std::size_t> owner;               // by build: a shard; Cut::nobody: was there before
    std::size_t slots = 4;
};
SimulatedShards shards_of(const plan::Cut& cut, std::size_t slots);

struct SimulatedRun {
    SimulatedShards::Time makespan{};
    std::size_t handovers = 0; // to each shard that waits for it
    std::size_t never_started = 0;
};
// `time` and `handover` by build: what they really take.
SimulatedRun simulate(const plan::Plan& plan, const SimulatedShards& shards,
                      const std::vector<SimulatedShards::Time>& time,
                      const std::vector<SimulatedShards::Time>& handover);

} // namespace cachefill::test
