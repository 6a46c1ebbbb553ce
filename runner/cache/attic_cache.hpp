#pragma once

#include "cache/binary_cache.hpp"
#include "cache/credentials.hpp"
#include "cache/make_cache.hpp"

namespace cachefill::cache {

// A cache of attic: its own API to push and to ask in bulk, its substituter's address to read as consumers do.
std::unique_ptr<BinaryCache> make_attic_cache(CacheUri uri, Credentials credentials, CacheContext context);

} // namespace cachefill::cache
