#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace cachefill::codec {

std::string to_base16(std::string_view bytes);
Result<std::string> from_base16(std::string_view text);

// RFC 4648 with padding; decoding is strict about alphabet and length and tolerates nothing else.
std::string to_base64(std::string_view bytes);
Result<std::string> from_base64(std::string_view text);

// Nix's own base 32: alphabet 0123456789abcdfghijklmnpqrsvwxyz, the bytes one little-endian number, most significant
// five bits first (Nix, libutil/base-nix-32.cc).
std::string to_nix32(std::string_view bytes);
Result<std::string> from_nix32(std::string_view text);
bool is_nix32(std::string_view text); // only digits of that alphabet

} // namespace cachefill::codec
