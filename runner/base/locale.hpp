#pragma once

#include "base/environment.hpp"

#include <string>
#include <string_view>

namespace cachefill {

// Does this user's locale write UTF-8? By LC_ALL, LC_CTYPE and LANG, the first that is set (POSIX, "Locale"); without
// any of them it is the C locale, which has ASCII only.
bool speaks_utf8(const Environment& environment);

enum class Columns {
    may_change,
    keep, // one character for one
};
// UTF-8 in ASCII: what we write ourselves by something like it (… · → •), anything else by '?'.
std::string to_ascii(std::string_view text, Columns columns = Columns::may_change);

// Text for a person, as the user's locale can show it.
std::string in_locale(std::string text, const Environment& environment);

} // namespace cachefill
