#pragma once

#include "async/task.hpp"
#include "base/result.hpp"
#include "eval/evaluator.hpp"
#include "eval/flake.hpp"
#include "eval/nix_command.hpp"

#include <vector>

namespace cachefill::eval {

// Evaluates what `nix flake check --no-build --all-systems` would, but for the hosts, which are evaluated anyway:
// packages, checks and devShells of all systems one by one if one of them fails, so that each that is broken is named;
// of formatter, apps, overlays, modules and templates the first. Nothing is built. Empty: nothing is wrong.
async::Task<std::vector<CheckFinding>> check_outputs(const EvalSettings& settings, const OpenedFlake& flake,
                                                     NixHooks hooks);

} // namespace cachefill::eval
