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

} // namespace cachefill
