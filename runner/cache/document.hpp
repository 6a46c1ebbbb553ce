#pragma once

#include "cache/binary_cache.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::cache {

// Texts of our own in a cache. Each is a store path of one file without references, signed like any other, and touches
// no local store, so nobody has to be trusted by a daemon for it.

// The text of such a path; empty if the cache does not have it. One that none of `keys` signed is a protocol failure,
// because who can write to a cache must not be able to tell machines what is in it (a cache whose URI says ?trusted=1
// is believed); so is one above `largest` bytes. `what` names it there, "the manifest". Two requests.
async::Task<Result<std::optional<std::string>>> read_document(BinaryCache& cache, nix::StorePath path,
                                                              std::vector<nix::PublicKey> keys, std::string what,
                                                              std::uint64_t largest);

// Publishes it unless it is there already. `content_address` is the narinfo's, empty for a path that does not follow
// from the text.
async::Task<Result<void>> publish_document(BinaryCache& cache, codec::Compression compression, nix::StorePath path,
                                           std::string content_address, std::string text);

} // namespace cachefill::cache
