#include "eval/source_line.hpp"

#include "base/foreign_text.hpp"
#include "base/own_place.hpp"
#include "base/text.hpp"

namespace cachefill::eval {

namespace {

constexpr std::uint64_t longest_file = 4 << 20;
constexpr std::size_t longest_line = 68; // of 80 columns, behind its number

bool is_inside_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; } // of UTF-8

// What of a long line stands around the place.
std::string around(std::string_view line, std::size_t column) {
    if (line.size() <= longest_line) return std::string(line);
    auto start = column < longest_line ? 0 : std::min(column - longest_line / 2, line.size() - longest_line);
    while (start > 0 && is_inside_character(line[start])) --start;
    auto end = std::min(start + longest_line, line.size());
    while (end < line.size() && is_inside_character(line[end])) ++end;
    return (start > 0 ? "…" : "") + std::string(line.substr(start, end - start)) + (end < line.size() ? "…" : "");
}

} // namespace

std::string source_line(const event::Position& position, const std::filesystem::path& work_tree) {
    const std::filesystem::path file = position.file;
    if (work_tree.empty() || position.line == 0 || file.empty() || file.is_absolute()) return {};
    auto text = read_work_tree_file(work_tree / file, work_tree, longest_file);
    if (!text) return {};
    std::string_view rest = *text;
    for (auto number = position.line; number > 1; --number) {
        auto end = rest.find('\n');
        if (end == std::string_view::npos) return {};
        rest.remove_prefix(end + 1);
    }
    auto line = rest.substr(0, rest.find('\n'));
    auto column = std::min<std::size_t>(position.column, line.size());
    auto indent =
        line.size() - std::string_view(line).substr(std::min(line.find_first_not_of(" \t"), line.size())).size();
    auto shown = clean_foreign(around(trim(line), column - std::min(column, indent)));
    if (shown.empty()) return {};
    return std::to_string(position.line) + " | " + shown;
}

Failure with_source_line(Failure failure, const event::Position& position, const std::filesystem::path& work_tree) {
    auto line = source_line(position, work_tree);
    if (line.empty()) return failure;
    return std::move(failure).with_cause_suffix("\n" + line);
}

} // namespace cachefill::eval
