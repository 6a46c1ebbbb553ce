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

} // namespace cachefill
