#pragma once

#include <string>
#include <string_view>

namespace cachefill {

// "ref=main" as it stands in the query of an address: a name that Nix, a cache or a forge gives a meaning, in which no
// login stands, with a plain value. "token=x", "x=https://…" and a part without '=' are none; nor is a name that nobody
// knows, as servers call their tokens what they like.
bool is_harmless_parameter(std::string_view part);

// What stands behind the '?' of an address, with "…" for the value of each parameter but harmless ones, for each part
// without '=', and for a fragment behind any of these.
std::string redact_query(std::string_view query);

// As what servers hand out, and not the name of a user or a folder: long, in one piece, with digits in it.
bool looks_like_token(std::string_view text);

// The same for text that is mostly names: a part of a path, or the value of a harmless parameter. By the beginning that
// a service gives its tokens, or a long run of letters and digits; a hash (hexadecimal, Nix' base 32, SRI) is none, nor
// an identifier of hexadecimal digits and '-'.
bool holds_token(std::string_view text);

} // namespace cachefill
