#include "report/failures_text.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/columns.hpp"
#include "report/narrator.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cachefill::report {

namespace {

// The tail of a log says what went wrong; of the tenth failure a few lines do. The JSON report has all of them.
constexpr std::size_t long_tail = 20, short_tail = 4;
constexpr std::size_t failures_told_long = 8, failures_told_short = 40;
constexpr std::size_t most_error_lines = 30;

std::string last_lines(const std::vector<std::string>& lines, std::size_t most) {
    std::string text;
    auto start = lines.size() > most ? lines.size() - most : 0;
    for (auto i = start; i < lines.size(); ++i) text += fenced(lines[i].empty() ? " " : lines[i]);
    return text;
}

std::string evaluation_failure(const TargetReport& target, const Style& style) {
    auto text = style(Tone::bad, "failed") + ": " + target.name + " does not evaluate";
    if (target.position) text += ": " + to_string(*target.position);
    std::vector<std::string> lines;
    for (auto line : split(trim(target.error), '\n')) lines.emplace_back(line);
    // Nix prints the outermost frame first and the reason last.
    text += "\n" + last_lines(lines, most_error_lines);
    return target.hint.empty() ? text : text + "  hint: " + one_line(target.hint) + "\n";
}

std::string build_failure(const RunReport& report, const BuildReport& build, std::size_t tail, const Style& style) {
    bool was_tried = build.outcome != event::BuildOutcome::refused && !build.failed_elsewhere;
    auto text = style(Tone::bad, outcome_in_words(build.outcome)) + ": " + build.name;
    if (was_tried) text += " after " + human_duration(build.took);
    if (!build.targets.empty()) text += ", needed by " + listed(build.targets, 5);
    text += "\n" + error_of_build(build.error);
    text += last_lines(build.log_tail, tail);
    std::vector<std::string> blocked;
    for (const auto& other : report.builds)
        if (other.outcome == event::BuildOutcome::blocked && other.blocked_by_derivation == build.derivation)
            blocked.push_back(other.name);
    if (!blocked.empty()) text += "  blocks " + listed(blocked, 10) + "\n";
    return text + (was_tried ? "  see more: " + report.log_command + " " : std::string("  it is ")) + build.derivation +
           "\n";
}

} // namespace

std::string failures_text(const RunReport& report, const Style& style) {
    std::vector<std::string> told;
    std::size_t evaluations = 0;
    for (const auto& target : report.targets)
        if (!target.error.empty() && ++evaluations <= failures_told_long)
            told.push_back(evaluation_failure(target, style));
    if (evaluations > failures_told_long)
        told.push_back(
            fmt::format("{} more targets do not evaluate; the table names them\n", evaluations - failures_told_long));
    std::size_t builds = 0;
    for (const auto& build : report.builds) {
        if (!event::is_failure(build.outcome)) continue;
        if (++builds <= failures_told_short)
            told.push_back(build_failure(report, build, builds <= failures_told_long ? long_tail : short_tail, style));
    }
    if (builds > failures_told_short)
        told.push_back(fmt::format("{} more builds failed; the JSON report has them\n", builds - failures_told_short));
    return join(told, "\n");
}

} // namespace cachefill::report
