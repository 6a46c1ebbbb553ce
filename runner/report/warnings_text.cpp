#include "report/warnings_text.hpp"

#include "base/text.hpp"
#include "report/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace cachefill::report {

namespace {

constexpr std::size_t most_warnings = 20; // the JSON report has all

} // namespace

std::string trust_text(const RunReport& report, const Style& style) {
    std::string text;
    // Hosts of one fleet need the same lines; they are told once.
    std::map<std::vector<std::string>, std::vector<std::string>> advice; // targets by lines
    for (const auto& target : report.targets)
        if (!target.trusted) advice[target.trust_advice].push_back(target.name);
    for (const auto& [lines, targets] : advice) {
        bool is_one = targets.size() == 1;
        text +=
            style(Tone::warn, "warning:") + fmt::format(" {} {} not trust the cache and would fetch nothing from it",
                                                        listed(targets, 10), is_one ? "does" : "do");
        text += lines.empty() ? "\n" : is_one ? "; add to its configuration:\n" : "; add to their configuration:\n";
        for (const auto& line : lines) text += "    " + line + "\n";
    }
    return text;
}

std::string warnings_text(const RunReport& report, const Style& style) {
    std::string text;
    std::vector<std::string> seen(report.causes);
    std::size_t more = 0;
    for (const auto& message : report.messages) {
        if (message.severity != event::Severity::warning && message.severity != event::Severity::error) continue;
        if (std::find(seen.begin(), seen.end(), message.text) != seen.end()) continue;
        seen.push_back(message.text);
        if (seen.size() - report.causes.size() > most_warnings) {
            ++more;
            continue;
        }
        bool is_error = message.severity == event::Severity::error;
        text += style(is_error ? Tone::bad : Tone::warn, is_error ? "error:" : "warning:") + " " +
                one_line(message.text) + "\n";
        if (!message.hint.empty()) text += "  hint: " + one_line(message.hint) + "\n";
    }
    if (more > 0) text += fmt::format("and {}\n", counted(more, "more warning"));
    return text;
}

} // namespace cachefill::report
