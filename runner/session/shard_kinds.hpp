#pragma once

#include "plan/cut.hpp"

#include <vector>

namespace cachefill::daemon {
struct Settings;
}

namespace cachefill::options {
struct Settings;
}

namespace cachefill::session {

// The machines that shards may run on: those for which a runner is known. One of this machine's system is taken for one
// like this; of others only what Nix says by itself is known.
std::vector<plan::ShardKind> shard_kinds(const options::Settings& settings, const daemon::Settings& nix);

} // namespace cachefill::session
