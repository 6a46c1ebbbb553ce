#include "report/style.hpp"

#include "base/text.hpp"
#include "report/columns.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cachefill::report {

namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t narrowest_name = 12;
constexpr std::size_t hash_length = 32; // of a store path's name, a '-' follows

} // namespace

std::string Style::operator()(Tone tone, std::string_view text) const {
    if (!color_ || tone == Tone::plain || text.empty()) return std::string(text);
    std::string_view code;
    switch (tone) {
    case Tone::plain:
        break;
    case Tone::good:
        code = "32";
        break;
    case Tone::bad:
        code = "31;1";
        break;
    case Tone::warn:
        code = "33";
        break;
    case Tone::dim:
        code = "2";
        break;
    case Tone::strong:
        code = "1";
        break;
    }
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string Table::render(const Style& style, std::size_t width) const {
    std::vector<std::size_t> widths(alignment_.size());
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i].text));
    std::size_t others = 0;
    for (std::size_t i = 1; i < widths.size(); ++i) others += gap + widths[i];
    if (!widths.empty() && widths[0] + others > width)
        widths[0] = std::min(widths[0], std::max(narrowest_name, width > others ? width - others : 0));
    std::string text;
    for (const auto& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (i > 0) line.append(gap, ' ');
            auto cell = i == 0 ? fit(row[i].text, widths[i]) : row[i].text;
            bool is_last = i + 1 == row.size();
            if (alignment_[i] == Align::right)
                cell = pad_left(cell, widths[i]);
            else if (!is_last)
                cell = pad_right(std::move(cell), widths[i]);
            line += style(row[i].tone, cell);
        }
        while (line.ends_with(' ')) line.pop_back();
        text += line + "\n";
    }
    return text;
}

std::string clock_text(std::chrono::milliseconds duration) {
    auto seconds = std::max<std::int64_t>(duration.count(), 0) / 1000;
    if (seconds < 3600) return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
    return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds % 3600 / 60, seconds % 60);
}

std::string path_name(std::string_view store_path) {
    auto name = store_path.substr(store_path.rfind('/') + 1);
    if (name.size() > hash_length && name[hash_length] == '-') name.remove_prefix(hash_length + 1);
    if (name.ends_with(".drv")) name.remove_suffix(4);
    return std::string(name);
}

std::string listed(const std::vector<std::string>& names, std::size_t most) {
    if (names.size() <= most) return join(names, ", ");
    return join(std::span(names).first(most), ", ") + fmt::format(" and {} more", names.size() - most);
}

} // namespace cachefill::report
