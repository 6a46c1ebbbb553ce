#pragma once

#include "plan/plan.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

// Many machines as one: who builds what of a plan, and in which order, when they meet in the cache alone.
namespace cachefill::plan {

// As many jobs as GitHub takes for one matrix.
inline constexpr std::size_t most_shards_of_all = 256;

// A kind of machine of which there are as many as wanted, and which takes what fits it.
struct ShardKind {
    std::string name; // for whoever finds its runners: a system, "x86_64-linux"
    BuildAbility machine;
};

// What it takes until a path that one shard has built can be used by another: pushed, noticed and fetched.
struct HandoverCost {
    std::chrono::milliseconds latency{2000};
    std::uint64_t bytes_per_second = 50'000'000; // 0: its size takes no time

    std::chrono::milliseconds of(std::uint64_t bytes) const;
};

struct CutPolicy {
    std::vector<ShardKind> kinds; // who fits none is owned by nobody; the first that fits counts
    std::size_t fewest_shards = 1;
    std::size_t most_shards = 20; // of all kinds together; a kind that has work gets one at least
    std::size_t slots = 4;        // builds at once on each shard
    HandoverCost handover;
    // Of all outputs together, unpacked, in bytes. Nobody knows before it is built; see guessed_size().
    std::function<std::uint64_t(const GraphDerivation&)> expected_size;
};

// What builds of this kind leave behind, for want of anything better.
std::uint64_t guessed_size(const GraphDerivation& derivation);

struct Shard {
    std::size_t kind = 0; // index into CutPolicy::kinds
    // Indexes into Plan::builds. A shard with a free slot starts the first of these that lacks nothing, so `order` is
    // one of priority; each comes after those it needs. Most of it is owned; the rest are copies.
    std::vector<std::size_t> order;
    struct Awaited {
        std::size_t build;
        std::size_t owner; // index into Cut::shards
    };
    std::vector<Awaited> awaited;     // what others build and this one fetches, the most urgent first
    std::chrono::milliseconds work{}; // expected times of all it builds
    std::chrono::milliseconds ends{}; // when it is expected to have nothing left to do, from the start of all shards
};

// Every build of a plan has one owner, which builds and publishes it. A build that takes less time than its path takes
// to be handed over is made again by whoever needs it and has what it needs: a copy, which is not published.
struct Cut {
    static constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max();

    std::vector<Shard> shards;            // those with something to own, by kind
    std::vector<std::size_t> owner;       // by build: index into `shards`, or nobody
    std::vector<std::size_t> copied;      // builds that others than their owner make as well
    std::size_t copies = 0;               // how often that is, all together
    std::size_t handovers = 0;            // paths fetched from other shards, each once for every shard
    std::chrono::milliseconds makespan{}; // expected, from the start of all shards to the last build's end
    // No way of cutting for so many shards takes less: the longest chain, or all work on all slots of a kind.
    std::chrono::milliseconds bound{};
};

// List scheduling by the longest remaining path, each build on the shard that has the most of what it needs, as long as
// the whole does not suffer. How many shards: the fewest with which the whole is expected to take at most a tenth
// longer than the best number up to `most_shards` does. Pure, and the same for the same plan.
Cut cut(const Graph& graph, const Plan& plan, const CutPolicy& policy);

} // namespace cachefill::plan
