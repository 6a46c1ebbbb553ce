#pragma once

#include "cache/binary_cache.hpp"
#include "cache/make_cache.hpp"

namespace cachefill::cache {

// A binary cache in a directory, as Nix has it: `nix-cache-info`, HASH.narinfo, nar/HASH.nar.zst. Where it is written
// without a signing key one is made: the secret half as DIRECTORY.signing-key beside the directory (so that a web
// server of the directory cannot give it away), the public half as DIRECTORY/public-key, where readers of ours look for
// it.
std::unique_ptr<BinaryCache> make_file_cache(CacheUri uri, Credentials credentials, CacheContext context);

} // namespace cachefill::cache
