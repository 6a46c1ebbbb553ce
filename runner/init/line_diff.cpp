#include "init/line_diff.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <vector>

namespace cachefill::init {

namespace {

using Lines = std::vector<std::string_view>;

Lines lines_of(std::string_view text) {
    if (text.empty()) return {};
    auto lines = split(text, '\n');
    if (lines.back().empty()) lines.pop_back();
    return lines;
}

struct Edit {
    char mark; // ' ', '-' or '+'
    std::string_view line;
};

// By the longest common subsequence; files of a person are short enough for a table of all pairs.
std::vector<Edit> edits_between(const Lines& before, const Lines& after) {
    auto rows = before.size() + 1, columns = after.size() + 1;
    std::vector<std::size_t> common(rows * columns, 0); // of the tails from here on
    for (auto i = before.size(); i-- > 0;)
        for (auto j = after.size(); j-- > 0;)
            common[i * columns + j] = before[i] == after[j]
                                          ? common[(i + 1) * columns + j + 1] + 1
                                          : std::max(common[(i + 1) * columns + j], common[i * columns + j + 1]);
    std::vector<Edit> edits;
    std::size_t i = 0, j = 0;
    while (i < before.size() || j < after.size()) {
        bool is_same = i < before.size() && j < after.size() && before[i] == after[j];
        bool is_gone =
            i < before.size() && (j == after.size() || common[(i + 1) * columns + j] >= common[i * columns + j + 1]);
        if (is_same)
            edits.push_back({' ', before[i++]}), ++j;
        else if (is_gone)
            edits.push_back({'-', before[i++]});
        else
            edits.push_back({'+', after[j++]});
    }
    return edits;
}

std::string range(std::size_t start, std::size_t count) {
    return std::to_string(count == 0 ? start : start + 1) + (count == 1 ? "" : "," + std::to_string(count));
}

} // namespace

std::string unified_diff(const std::string& name, std::string_view before, std::string_view after) {
    constexpr std::size_t context = 3;
    auto edits = edits_between(lines_of(before), lines_of(after));
    std::vector<bool> shown(edits.size(), false);
    for (std::size_t n = 0; n < edits.size(); ++n)
        if (edits[n].mark != ' ')
            for (auto near = n - std::min(n, context); near < std::min(edits.size(), n + context + 1); ++near)
                shown[near] = true;
    std::string text;
    std::size_t old_line = 0, new_line = 0;
    for (std::size_t n = 0; n < edits.size();) {
        if (!shown[n]) {
            ++n, ++old_line, ++new_line;
            continue;
        }
        std::string hunk;
        std::size_t old_count = 0, new_count = 0;
        for (; n < edits.size() && shown[n]; ++n) {
            hunk += edits[n].mark + std::string(edits[n].line) + "\n";
            old_count += edits[n].mark != '+';
            new_count += edits[n].mark != '-';
        }
        text += "@@ -" + range(old_line, old_count) + " +" + range(new_line, new_count) + " @@\n" + hunk;
        old_line += old_count;
        new_line += new_count;
    }
    if (text.empty()) return {};
    return "--- " + (before.empty() ? std::string("/dev/null") : "a/" + name) + "\n+++ b/" + name + "\n" + text;
}

} // namespace cachefill::init
