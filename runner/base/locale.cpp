#include "base/locale.hpp"

#include "base/text.hpp"

#include <array>

namespace cachefill {

namespace {

struct Likeness {
    std::string_view character, text, one_column;
};
constexpr std::array<Likeness, 9> likenesses{{{"…", "...", "~"},
                                              {"·", "-", "-"},
                                              {"→", "->", ">"},
                                              {"•", "*", "*"},
                                              {"–", "-", "-"},
                                              {"—", "-", "-"},
                                              {"−", "-", "-"},
                                              {"‘", "'", "'"},
                                              {"’", "'", "'"}}};

} // namespace

bool speaks_utf8(const Environment& environment) {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
        if (auto value = environment.get_or(name); !value.empty()) {
            auto codeset = to_lower(value);
            return codeset.find("utf-8") != std::string::npos || codeset.find("utf8") != std::string::npos;
        }
    return false;
}

std::string to_ascii(std::string_view text, Columns columns) {
    std::string ascii;
    for (std::size_t i = 0; i < text.size();) {
        if (static_cast<unsigned char>(text[i]) < 0x80) {
            ascii += text[i++];
            continue;
        }
        std::size_t end = i + 1;
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
        std::string_view like = "?";
        for (const auto& likeness : likenesses)
            if (text.substr(i, end - i) == likeness.character)
                like = columns == Columns::keep ? likeness.one_column : likeness.text;
        ascii += like;
        i = end;
    }
    return ascii;
}

std::string in_locale(std::string text, const Environment& environment) {
    return speaks_utf8(environment) ? text : to_ascii(text);
}

} // namespace cachefill
