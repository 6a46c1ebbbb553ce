#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cachefill {

// From now on clean_foreign() of this process has "***" for each of these. For the start of a program; short ones,
// which stand in other words, are left out.
void hide_in_foreign_text(std::vector<std::string> secrets);

// What another program says, for people: sanitize()d, and without the user and password in any URL that it names, and
// what its query says but for harmless parameters (url_query.hpp). Nix repeats the whole address of a substituter or an
// input in its errors.
std::string clean_foreign(std::string_view text);

// A name that somebody else chose, as it may be shown: one line, in which what steers terminals, ends lines or turns
// text around stands as U+FFFD. Other names stay as they are.
std::string shown_name(std::string_view name);

} // namespace cachefill
