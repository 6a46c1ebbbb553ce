#pragma once

#include "async/task.hpp"
#include "daemon/connection.hpp"
#include "nix/path_info.hpp"

#include <vector>

namespace cachefill::shard {

// Store objects that can be added to any store by whoever may speak to its daemon.
struct Objects {
    std::vector<nix::PathInfo> infos; // each after those that it refers to, sources before derivations
    // Referred to, and not content-addressed: a daemon believes such a path only with a signature.
    std::vector<nix::StorePath> expected;
};

// These and all that they refer to, which has to be valid in the store: the derivations that a derivation needs, and
// their sources. What the first of `roots` needs comes first.
async::Task<Result<Objects>> collect_objects(daemon::Connection& store, std::vector<nix::StorePath> roots);

} // namespace cachefill::shard
