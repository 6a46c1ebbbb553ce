#pragma once

#include "plan/plan.hpp"

#include <set>
#include <vector>

namespace cachefill::plan {

// Every output that consumers of this target need: its outputs, for the one who is given the path; and for the one who
// evaluates also what evaluation reads, and the inputs of each local-by-design derivation met on the way, which it
// builds whatever a cache has. Sorted.
std::vector<Graph::Producer> needed_outputs(const Graph& graph, const Target& target);

// The paths of these, as far as they are known, which consumers must be able to fetch with all they reference. Sorted.
std::vector<PathId> needed_paths(const Graph& graph, const Target& target);

// These paths and all that they refer to, as far as it is known.
std::set<PathId> closure(const Facts& facts, const std::vector<PathId>& paths);

// What keeps the consumers of this target from fetching it, with the caches that it trusts, whatever other targets need
// and trust.
struct Lacking {
    std::set<PathId> missing;
    std::set<PathId> undecided; // needed, and nobody can say what of it is there
    bool is_nothing() const { return missing.empty() && undecided.empty(); }
};
Lacking lacking_alone(const Graph& graph, const Facts& facts, const Target& target);

// Of the outputs of `made` that `by` takes as inputs, one to name it by: "out" before others; the first by name is
// often "bin" or "man". no_path if that is unknown before building.
PathId wanted_output(const Graph& graph, DerivationId made, DerivationId by);

// Of `builds` those that are met on the way from this one down, itself included, through others of them.
std::set<DerivationId> reached_from(const Graph& graph, DerivationId top, const std::set<DerivationId>& builds);

} // namespace cachefill::plan
