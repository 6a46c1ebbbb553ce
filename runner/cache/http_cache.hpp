#pragma once

#include "cache/binary_cache.hpp"
#include "cache/file_stream.hpp"
#include "cache/make_cache.hpp"

namespace cachefill::cache {

// A plain binary cache over HTTP: read with GET and HEAD, written with PUT where the server takes it
// (Nix, libstore/http-binary-cache-store.cc).
std::unique_ptr<BinaryCache> make_http_cache(CacheUri uri, Credentials credentials, CacheContext context,
                                             StreamWay streams = {});

} // namespace cachefill::cache
