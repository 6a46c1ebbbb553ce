#pragma once

#include "cache/binary_cache.hpp"
#include "cache/manifest.hpp"

#include <span>

namespace cachefill::cache {

// Manifests in a cache: each is a store path of one file, content-addressed, signed like any other, without references;
// a name (BinaryCache::set_name) leads to the latest.

struct FoundManifest {
    nix::StorePath path;
    Manifest manifest;
};

// The latest for this branch and system; empty if there is none. One that is not signed by any of `keys` is a
// protocol failure, because who can move a name must not be able to tell machines what is in the cache (a cache whose
// URI says ?trusted=1 is believed). Three small requests.
async::Task<Result<std::optional<FoundManifest>>> find_manifest(BinaryCache& cache, std::string branch,
                                                                std::string system, std::vector<nix::PublicKey> keys);

// Publishes it unless it is there already, and moves the name to it; `keep` earlier ones stay pinned where the cache
// has pins. Does not touch the local store, so nobody has to be trusted by a daemon for it.
async::Task<Result<nix::StorePath>> publish_manifest(BinaryCache& cache, codec::Compression compression,
                                                     Manifest manifest, int keep);

} // namespace cachefill::cache
