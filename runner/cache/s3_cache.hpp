#pragma once

#include "cache/make_cache.hpp"

namespace cachefill::cache {

// A bucket: a plain cache whose requests are signed, with the layout of Nix's own S3 caches, so that what is there can
// be read by them and by whatever serves the bucket over HTTP.
std::unique_ptr<BinaryCache> make_s3_cache(CacheUri uri, Credentials credentials, const CacheContext& context);

} // namespace cachefill::cache
