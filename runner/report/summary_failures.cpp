#include "report/summary_failures.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/markdown.hpp"
#include "report/narrator.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cachefill::report {

namespace {

// Bounds of one failure and of all of them, so that the summary's limit is kept however much fails.
constexpr std::size_t told_long = 20, told_short = 200, unfolded = 3;
constexpr std::size_t most_lines = 30, widest_line = 300;
constexpr std::size_t most_error_lines = 6; // above the end of a log

std::vector<std::string> last_lines(std::vector<std::string> lines) {
    if (lines.size() > most_lines) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most_lines));
    return lines;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    for (auto line : split(trim(text), '\n')) lines.emplace_back(line);
    return last_lines(std::move(lines));
}

std::string names(const std::vector<std::string>& all, std::size_t most) {
    std::vector<std::string> shown;
    for (std::size_t i = 0; i < std::min(most, all.size()); ++i) shown.push_back(markdown::code(all[i]));
    auto text = join(shown, ", ");
    if (all.size() > most) text += fmt::format(" and {} more", all.size() - most);
    return text;
}

std::string evaluation_failure(const TargetReport& target, bool open) {
    auto text = "❌ " + markdown::code(target.name) + " does not evaluate";
    if (target.position) text += ": " + markdown::code(to_string(*target.position));
    return text + "\n\n" +
           markdown::details("what Nix says", markdown::code_block(lines_of(target.error), widest_line), open) + "\n" +
           (target.hint.empty() ? std::string() : markdown::text(target.hint) + "\n\n");
}

std::string build_failure(const RunReport& report, const BuildReport& build, bool open) {
    bool was_tried = build.outcome != event::BuildOutcome::refused;
    auto text = fmt::format("❌ {} {}", markdown::code(build.name),
                            build.outcome == event::BuildOutcome::failed ? "did not build"
                                                                         : event::failure_in_words(build.outcome));
    if (was_tried) text += " after " + human_duration(build.took);
    if (!build.targets.empty()) text += ", needed by " + names(build.targets, 5);
    text += "\n\n";
    std::vector<std::string> blocked;
    for (const auto& other : report.builds)
        if (other.outcome == event::BuildOutcome::blocked && other.blocked_by_derivation == build.derivation)
            blocked.push_back(other.name);
    if (!blocked.empty()) text += "It blocks " + names(blocked, 10) + ".\n\n";
    auto lines = lines_of(build.error);
    auto title = std::string(was_tried ? "what the daemon says" : "why");
    if (!build.log_tail.empty()) {
        auto tail = last_lines(build.log_tail);
        title = "last " + counted(tail.size(), "line") + " of its log";
        lines.resize(std::min(lines.size(), most_error_lines));
        if (!lines.empty()) lines.emplace_back();
        lines.insert(lines.end(), tail.begin(), tail.end());
    }
    if (lines.empty() || (lines.size() == 1 && lines[0].empty())) lines = {"it printed nothing"};
    text += markdown::details(title, markdown::code_block(lines, widest_line), open);
    if (!was_tried) return text + "\nIt is " + markdown::code(build.derivation) + ".\n\n";
    return text +
           "\nAll of it, on the machine that built: " + markdown::code(report.log_command + " " + build.derivation) +
           "\n\n";
}

} // namespace

std::string failures_markdown(const RunReport& report, std::size_t most_bytes) {
    std::vector<const TargetReport*> targets;
    for (const auto& target : report.targets)
        if (!target.error.empty()) targets.push_back(&target);
    std::vector<const BuildReport*> builds;
    for (const auto& build : report.builds)
        if (event::is_failure(build.outcome)) builds.push_back(&build);
    if (targets.empty() && builds.empty()) return {};

    std::string text;
    std::size_t told = 0;
    for (; told < std::min(targets.size(), told_long) && text.size() < most_bytes / 2; ++told)
        text += evaluation_failure(*targets[told], told < unfolded);
    std::vector<std::string> short_ones;
    for (auto i = told; i < targets.size(); ++i) short_ones.push_back(targets[i]->name);
    if (!short_ones.empty()) text += "These do not evaluate either: " + names(short_ones, told_short) + "\n\n";

    short_ones.clear();
    std::size_t built = 0;
    for (; built < std::min(builds.size(), told_long) && text.size() < most_bytes; ++built)
        text += build_failure(report, *builds[built], told + built < unfolded);
    for (auto i = built; i < builds.size(); ++i) short_ones.push_back(builds[i]->name);
    if (!short_ones.empty()) text += "These did not build either: " + names(short_ones, told_short) + "\n\n";
    return text;
}

} // namespace cachefill::report
