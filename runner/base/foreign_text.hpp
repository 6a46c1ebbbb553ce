#pragma once

#include <string>
#include <string_view>

namespace cachefill {

// What another program says, for people: sanitize()d, and without the user and password in any URL that it names, and
// what its query says but for harmless parameters (url_query.hpp). Nix repeats the whole address of a substituter or an
// input in its errors.
std::string clean_foreign(std::string_view text);

// A name that somebody else chose, as it may be shown: one line, in which what steers terminals, ends lines or turns
// text around stands as U+FFFD. Other names stay as they are.
std::string shown_name(std::string_view name);

} // namespace cachefill
