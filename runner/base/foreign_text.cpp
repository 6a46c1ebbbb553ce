#include "base/foreign_text.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace cachefill {

std::string clean_foreign(std::string_view text) {
    auto clean = sanitize(text);
    constexpr std::string_view mark = "://";
    for (std::size_t at = 0; (at = clean.find(mark, at)) != std::string::npos;) {
        at += mark.size();
        auto end = std::min(clean.find_first_of("/?#'\"`» \n", at), clean.size());
        auto sign = clean.rfind('@', end);
        if (sign != std::string::npos && sign >= at) clean.replace(at, sign - at, "…");
    }
    return clean;
}

std::string shown_name(std::string_view name) {
    std::string shown;
    for (std::size_t at = 0; at < name.size();) {
        auto end = at + 1;
        while (end < name.size() && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) ++end;
        auto character = name.substr(at, end - at);
        bool ends_line = character == "\n" || character == "\u2028" || character == "\u2029";
        bool is_shown = !ends_line && character != "\t" && sanitize(character) == character;
        shown += is_shown ? character : std::string_view("\uFFFD");
        at = end;
    }
    return shown;
}

} // namespace cachefill
