#pragma once

#include "codec/compression.hpp"
#include "http/client.hpp"

#include <memory>
#include <vector>

namespace cachefill::http {

// What undoes the Content-Encoding of an answer with these headers: every encoding that curl and Nix take (gzip,
// deflate, br, zstd, xz, bzip2, those of them with an "x-" before them, identity), also several on top of each other.
// Null if there is nothing to undo; a protocol failure names an encoding that is unknown. Neither the text nor what
// comes out on the way to it may be longer than `limit`.
Result<std::unique_ptr<codec::Decompressor>> make_content_decoder(const std::vector<Header>& headers,
                                                                  std::uint64_t limit);

} // namespace cachefill::http
