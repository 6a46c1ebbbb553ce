#include "report/columns.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace cachefill::report {

namespace {

struct Range {
    char32_t first, last;
};

// The blocks that Unicode's EastAsianWidth.txt calls wide, and the common emoji; coarse, but right for what names hold.
constexpr std::array wide{Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0x33FF},
                          Range{0x3400, 0x4DBF},   Range{0x4E00, 0x9FFF},   Range{0xA000, 0xA4CF},
                          Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},
                          Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F},
                          Range{0x1F680, 0x1F6FF}, Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD}};
constexpr std::array combining{Range{0x0300, 0x036F}, Range{0x1AB0, 0x1AFF}, Range{0x200B, 0x200F},
                               Range{0x20D0, 0x20FF}, Range{0xFE00, 0xFE0F}, Range{0xFE20, 0xFE2F}};

template <std::size_t n> bool is_in(const std::array<Range, n>& ranges, char32_t c) {
    return std::any_of(ranges.begin(), ranges.end(), [c](Range range) { return c >= range.first && c <= range.last; });
}

struct Character {
    std::size_t start;
    std::size_t width;
};

std::vector<Character> characters(std::string_view text) {
    std::vector<Character> found;
    for (std::size_t i = 0; i < text.size();) {
        auto lead = static_cast<unsigned char>(text[i]);
        std::size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        length = std::min(length, text.size() - i);
        auto code = static_cast<char32_t>(length == 1 ? lead : lead & (0x7FU >> length));
        for (std::size_t k = 1; k < length; ++k) code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
        found.push_back({i, is_in(combining, code) ? 0U : is_in(wide, code) ? 2U : 1U});
        i += length;
    }
    return found;
}

} // namespace

std::size_t columns(std::string_view text) {
    std::size_t total = 0;
    for (const auto& character : characters(text)) total += character.width;
    return total;
}

std::string fit(std::string_view text, std::size_t width) {
    auto all = characters(text);
    std::size_t total = 0;
    for (const auto& character : all) total += character.width;
    if (total <= width) return std::string(text);
    if (width == 0) return {};
    std::size_t head = 0, tail = all.size(), used = 1; // the "…"
    std::size_t head_width = width / 2, head_used = 0;
    while (head < all.size() && head_used + all[head].width <= head_width) head_used += all[head++].width;
    used += head_used;
    while (tail > head && used + all[tail - 1].width <= width) used += all[--tail].width;
    std::string result(text.substr(0, head < all.size() ? all[head].start : text.size()));
    result += "…";
    if (tail < all.size()) result += text.substr(all[tail].start);
    return result;
}

std::string pad_right(std::string text, std::size_t width) {
    auto used = columns(text);
    if (used < width) text.append(width - used, ' ');
    return text;
}

std::string pad_left(std::string_view text, std::size_t width) {
    auto used = columns(text);
    return std::string(used < width ? width - used : 0, ' ') + std::string(text);
}

std::string without_colors(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\x1b')
            i = std::min(text.find('m', i), text.size());
        else
            plain += text[i];
    }
    return plain;
}

std::string one_line(std::string_view text) {
    std::string line(text);
    std::replace_if(
        line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
    for (std::string_view end : {"\u2028", "\u2029"})
        for (std::size_t at = 0; (at = line.find(end, at)) != line.npos;) line.replace(at, end.size(), " ");
    return std::string(trim(sanitize(line)));
}

} // namespace cachefill::report
