#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace cachefill::nix {

// Keys and signatures are written "NAME:BASE64".

// In its two parts; without a colon all of it is the second.
std::pair<std::string_view, std::string_view> split_key_text(std::string_view text);
// As Nix reads it (libutil, base64Decode): the first '=' ends it, line feeds are skipped, and bits that make no whole
// byte are dropped. Empty if there is anything else in it.
std::optional<std::string> decode_key_text(std::string_view base64);

} // namespace cachefill::nix
