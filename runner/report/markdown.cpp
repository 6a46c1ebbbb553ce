#include "report/markdown.hpp"

#include "base/text.hpp"
#include "report/columns.hpp"

#include <algorithm>

namespace cachefill::report::markdown {

namespace {

constexpr std::string_view no_break = "\xC2\xA0"; // U+00A0

std::size_t longest_run(std::string_view text, char wanted) {
    std::size_t longest = 0, run = 0;
    for (char c : text) {
        run = c == wanted ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    return longest;
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

} // namespace

std::string html(std::string_view foreign) {
    std::string escaped;
    for (char c : one_line(foreign)) {
        if (c == '&')
            escaped += "&amp;";
        else if (c == '<')
            escaped += "&lt;";
        else if (c == '>')
            escaped += "&gt;";
        else if (c == '"')
            escaped += "&quot;";
        else if (c == '@')
            escaped += "&#64;";
        else
            escaped += c;
    }
    return escaped;
}

std::string text(std::string_view foreign) {
    static constexpr std::string_view special = "\\`*_{}[]()#+!|~$^";
    std::string escaped;
    for (char c : html(foreign)) {
        // "&#64;" is ours: its "#" stands behind a "&" that html() made.
        bool is_entity = c == '#' && escaped.ends_with('&');
        if (special.find(c) != std::string_view::npos && !is_entity) escaped += '\\';
        escaped += c;
    }
    return escaped;
}

std::string code(std::string_view foreign) { return replace_all(code_in_text(foreign), "|", "\\|"); }

std::string code_in_text(std::string_view foreign) {
    auto line = one_line(foreign);
    if (line.empty()) return {};
    std::string ticks(longest_run(line, '`') + 1, '`');
    bool touches = line.starts_with('`') || line.ends_with('`');
    std::string blank = touches ? " " : "";
    return ticks + blank + line + blank + ticks;
}

std::string code_block(const std::vector<std::string>& lines, std::size_t width) {
    std::size_t longest = 2;
    for (const auto& line : lines) longest = std::max(longest, longest_run(line, '`'));
    std::string fence(longest + 1, '`');
    auto block = fence + "text\n";
    for (const auto& line : lines) block += ellipsize(line, width) + "\n";
    return block + fence + "\n";
}

std::string details(std::string_view title, std::string_view body, bool open) {
    std::string folded = open ? "<details open>" : "<details>";
    folded.append("<summary>").append(title).append("</summary>\n\n").append(body).append("\n</details>\n");
    return folded;
}

std::string table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& numbers) {
    std::string lines;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        lines += "|";
        // In a narrow table a number would else be torn from its unit.
        for (const auto& cell : rows[i]) lines += " " + (i == 0 ? cell : replace_all(cell, " ", no_break)) + " |";
        lines += "\n";
        if (i > 0) continue;
        lines += "|";
        for (std::size_t column = 0; column < rows[0].size(); ++column)
            lines += column < numbers.size() && numbers[column] ? " --: |" : " --- |";
        lines += "\n";
    }
    return lines;
}

} // namespace cachefill::report::markdown
