#pragma once

#include "daemon/connection.hpp"
#include "eval/evaluator.hpp"
#include "nix/derivation.hpp"
#include "plan/graph.hpp"
#include "plan/plan.hpp"

namespace cachefill::session {

// From the store's files; the failure names the path.
plan::Graph::Reader derivations_of(const daemon::Endpoint& endpoint); // which outlives it
Result<nix::Derivation> read_derivation(const daemon::Endpoint& endpoint, const nix::StorePath& path);

// Adds the derivation that was evaluated to, and all that it is made of. Which caches its consumers trust is for the
// caller to fill in.
Result<plan::Target> add_target(plan::Graph& graph, const eval::EvaluatedTarget& evaluated,
                                const plan::Graph::Reader& read);

// What its evaluation read of what derivations make, into the graph and the target.
Result<void> add_reads(plan::Graph& graph, const eval::EvaluatedTarget& evaluated, const plan::Graph::Reader& read,
                       plan::Target& target);

} // namespace cachefill::session
