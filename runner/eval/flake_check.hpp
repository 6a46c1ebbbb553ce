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
// of formatter, apps, overlays, modules and templates the first. Only what evaluation reads is built. No findings:
// nothing is wrong. One evaluation follows the other, each with the deadline of one; how long all of them may take is
// the caller's to say.
async::Task<void> check_outputs(const EvalSettings& settings, const OpenedFlake& flake, NixHooks hooks,
                                std::vector<CheckFinding>& findings);

} // namespace cachefill::eval
