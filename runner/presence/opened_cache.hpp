#pragma once

#include "cache/binary_cache.hpp"

#include <memory>
#include <vector>

namespace cachefill::presence {

// A cache that may be filled, as it was opened.
struct OpenedCache {
    std::unique_ptr<cache::BinaryCache> backend;
    cache::CacheInfo info;
    std::vector<nix::PublicKey> keys; // by which its narinfos are judged; empty: none is known, any signature counts
};

} // namespace cachefill::presence
