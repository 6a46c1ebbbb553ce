#pragma once

#include "desktop/collector.hpp"
#include "nix/path_info.hpp"
#include "plan/facts.hpp"
#include "session/session.hpp"

#include <chrono>
#include <vector>

namespace cachefill::fill {

// Facts of everything in the closures of these valid paths; what is not valid is passed over.
async::Task<Result<std::vector<nix::PathInfo>>> closure_of(daemon::Connection& connection,
                                                           std::vector<nix::StorePath> roots);

// What of a system or home generation is worth pushing: itself, and of its closure and of the outputs of all that was
// built for it, whatever was built on this machine, since `since`. (Machines that evaluate need build-time outputs,
// too: what is local by design is built there.) Empty if the generation is not valid any more.
async::Task<Result<desktop::GenerationContents>> built_for_generation(session::Session& session,
                                                                      daemon::Connection& connection,
                                                                      nix::StorePath generation,
                                                                      std::chrono::sys_seconds since = {});

} // namespace cachefill::fill
