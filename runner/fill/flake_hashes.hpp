#pragma once

#include "async/task.hpp"
#include "eval/evaluator.hpp"
#include "session/session.hpp"

#include <string>

namespace cachefill::fill {

// As a manifest tells a flake by ("sha256:…", docs/manifest.md). Empty: it cannot be told here.
struct FlakeHashes {
    std::string lock;   // of flake.lock
    std::string source; // of its tree in the store, as a NAR
};
async::Task<FlakeHashes> flake_hashes(session::Session& session, const eval::FlakeInfo& flake);

} // namespace cachefill::fill
