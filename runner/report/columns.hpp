#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cachefill::report {

// Columns that valid UTF-8 takes on a terminal: wide characters (CJK, emoji) two, combining ones none.
std::size_t columns(std::string_view text);

// At most `width` columns, the middle replaced by "…".
std::string fit(std::string_view text, std::size_t width);

// Filled up with blanks to `width` columns; longer text stays as it is.
std::string pad_right(std::string text, std::size_t width);
std::string pad_left(std::string_view text, std::size_t width);

// Without the colours of our own making, which are the only escape sequences that may be in it.
std::string without_colors(std::string_view text);

// Newlines, other ends of lines and tabs become blanks, blanks at the ends go.
std::string one_line(std::string_view text);

} // namespace cachefill::report
