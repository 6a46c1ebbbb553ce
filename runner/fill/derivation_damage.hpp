#pragma once

#include "async/task.hpp"
#include "daemon/connection.hpp"

#include <string>

namespace cachefill::fill {

// The derivation's file is not what Nix registered under its name, or is gone: this store is damaged. False for one
// that is as Nix wrote it, however little we can read it, and where that cannot be found out.
async::Task<bool> is_damaged(daemon::Connection& connection, const daemon::Endpoint& endpoint,
                             nix::StorePath derivation);

// What helps then. No `nix-store --repair` does: substituters have no derivations. Once it is gone, evaluating writes
// it anew (tried with Nix 2.8, 2.26 and 2.34).
std::string repair_hint(const nix::StorePath& derivation);

} // namespace cachefill::fill
