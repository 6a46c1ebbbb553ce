#pragma once

#include "async/task.hpp"
#include "eval/evaluator.hpp"
#include "nix/store_path.hpp"

#include <vector>

namespace cachefill::eval {

// Builds what an evaluator wanted built and could not build itself: without a daemon it would set up the sandbox, and
// who is confined may not mount anything. Whoever evaluates again then finds it. Its builder is nobody's choice but the
// derivation's, and in the sandbox that Nix' settings say. Gives those that were not there yet.
async::Task<Result<std::vector<nix::StorePath>>> build_outside(const EvalSettings& settings,
                                                               std::vector<nix::StorePath> derivations);

} // namespace cachefill::eval
