#include "eval/source_line.hpp"

#include "base/foreign_text.hpp"
#include "base/own_place.hpp"
#include "base/text.hpp"

namespace cachefill::eval {

namespace {

constexpr std::uint64_t longest_file = 4 << 20;
constexpr std::size_t longest_line = 68; // of 80 columns, behind its number

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
    auto line = clean_foreign(std::string(trim(rest.substr(0, rest.find('\n')))));
    if (line.empty()) return {};
    return std::to_string(position.line) + " | " + ellipsize(line, longest_line);
}

Failure with_source_line(Failure failure, const event::Position& position, const std::filesystem::path& work_tree) {
    auto line = source_line(position, work_tree);
    if (line.empty()) return failure;
    return std::move(failure).with_cause_suffix("\n" + line);
}

} // namespace cachefill::eval
