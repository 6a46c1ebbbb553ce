#pragma once

#include "cache/binary_cache.hpp"
#include "cache/credentials.hpp"
#include "cache/make_cache.hpp"

namespace cachefill::cache {

// A cache of niks3: its server's API to push, to ask in bulk and to pin; the address that the server tells, of its
// bucket or of what stands before it, to read as consumers do.
std::unique_ptr<BinaryCache> make_niks3_cache(CacheUri uri, Credentials credentials, CacheContext context);

} // namespace cachefill::cache
