#pragma once

#include "codec/hash.hpp"
#include "nix/store_path.hpp"

namespace cachefill::nix {

// The path of a flake input's tree, which is named "source", from the narHash in its lock (Nix,
// libfetchers/fetchers.cc: a recursive fixed output without references). `nar_hash` is a SHA-256.
StorePath locked_path(const codec::Hash& nar_hash);

} // namespace cachefill::nix
