#pragma once

#include "cache/binary_cache.hpp"
#include "cache/make_cache.hpp"

namespace cachefill::cache {

// A cache at Cachix: asked in bulk and filled through its API, read where its consumers read.
std::unique_ptr<BinaryCache> make_cachix_cache(CacheUri uri, Credentials credentials, CacheContext context);

} // namespace cachefill::cache
