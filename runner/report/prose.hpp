#pragma once

#include <cstddef>
#include <string>

namespace cachefill::report {

// Text for a terminal of so many columns (0: no terminal, nothing is changed). What begins with "error:", "warning:",
// "hint:" and the like, an item of a list, a sentence about a host or an ending, and what another program said ("  |
// …") is prose: it is broken between words, and goes on below the second one. What is to be pasted stays whole, however
// long it is: words in '…', and the command behind a word with a colon. All other lines (tables, logs, configuration)
// are left as they are. Colours stay.
std::string wrap_prose(const std::string& text, std::size_t width);

// The same for text of which it is known that each line is a sentence.
std::string wrap_sentences(const std::string& text, std::size_t width);

} // namespace cachefill::report
