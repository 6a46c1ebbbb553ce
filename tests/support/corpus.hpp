#pragma once

#include "plan/plan.hpp"
#include "support/simulated_world.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace cachefill::test {

// A real derivation graph, as tests/data/README.md describes it, read from the folder that its archive unpacks to.
// Cache 0 is empty, cache 1 is the distribution's; the store has the sources and nothing else.
struct Corpus {
    plan::Graph graph;
    std::vector<plan::Target> targets;
    SimulatedWorld world;
};
Result<Corpus> read_corpus(const std::filesystem::path& folder);

// One x86_64-linux machine that fetches from both caches and needs a second per compile, a tenth for all else.
plan::Policy corpus_policy();

} // namespace cachefill::test
