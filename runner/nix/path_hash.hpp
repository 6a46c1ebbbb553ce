#pragma once

#include "codec/hash.hpp"

#include <string>
#include <string_view>

namespace cachefill::nix {

// "sha256:" + base 16: how hashes are spelled inside of what store paths are made from.
std::string base16_spelling(const codec::Hash& hash);

// The hash part of the path of this type, content and name (Nix, libstore/store-api.cc, "store path computation"): a
// SHA-256 folded to 160 bits.
std::string path_hash(std::string_view type, const codec::Hash& content, std::string_view name);

} // namespace cachefill::nix
