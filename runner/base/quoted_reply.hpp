#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cachefill {

// What a server said, to be shown: clean_foreign()ed as a whole and only then cut, to `longest` characters, as a piece
// of an address no longer looks like one. All that shows a reply's text goes by this.
std::string quoted_reply(std::string_view reply, std::size_t longest);

} // namespace cachefill
