#include "report/summary_lists.hpp"

#include "base/text.hpp"
#include "report/markdown.hpp"
#include "report/style.hpp"
#include "report/uncounted.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace cachefill::report::lists {

using event::PushOutcome;
using event::TargetVerdict;

namespace {

constexpr std::size_t most_paths = 50; // in each list of paths

std::string bullet_list(const std::vector<std::string>& items, std::size_t most) {
    std::string text;
    for (std::size_t i = 0; i < std::min(items.size(), most); ++i) text += "- " + items[i] + "\n";
    if (items.size() > most) text += fmt::format("- and {} more, which the JSON report lists\n", items.size() - most);
    return text;
}

std::string paths(const std::vector<std::string>& all) {
    std::vector<std::string> items;
    for (const auto& path : all) items.push_back(markdown::code(path));
    return bullet_list(items, most_paths);
}

std::string not_pushed(const RunReport& report, PushOutcome outcome) {
    std::vector<std::string> items;
    for (const auto& push : report.pushes) {
        if (push.outcome != outcome || push.planned) continue;
        auto item = markdown::code(push.path);
        if (!push.reason.empty()) item += ": " + markdown::text(push.reason);
        if (push.built_by_this_run) item = "built: " + item;
        items.push_back(std::move(item));
    }
    return bullet_list(items, most_paths);
}

} // namespace

std::string titled(std::string_view title, std::string_view text) {
    return text.empty() ? std::string() : fmt::format("\n### {}\n\n{}", title, text);
}

std::string folded(std::string_view title, std::size_t count, const std::string& text) {
    if (text.empty()) return {};
    return "\n" + markdown::details(fmt::format("{} ({})", title, count), text);
}

std::string what_did_not_go_up(const RunReport& report) {
    std::string text;
    auto add = [&](std::string_view title, PushOutcome outcome) {
        text += folded(title, report.count(outcome), not_pushed(report, outcome));
    };
    add("The cache did not take these", PushOutcome::failed);
    add("Withheld", PushOutcome::withheld);
    add("Not pushed", PushOutcome::not_pushed);
    return text.empty() ? text : "\n### What did not go up\n" + text;
}

std::string missing(const RunReport& report) {
    std::string text = titled("Holes: needed, served by nobody, and not makeable here", paths(report.holes));
    text +=
        titled("Undecided: a cache that may have it could not be asked, so it was not built", paths(report.undecided));
    for (const auto& target : report.targets) {
        if (target.missing.empty() || target.verdict == TargetVerdict::elsewhere || report.command == Command::plan)
            continue;
        text += folded("What " + markdown::html(target.name) + " cannot fetch", target.missing.size(),
                       paths(target.missing));
    }
    return text;
}

std::string lacking(const RunReport& report) {
    if (report.not_fetchable_here.empty()) return {};
    return "\n### This machine lacks a substituter\n\nThese are in a cache that the Nix of this machine does not use, "
           "so they were built again:\n\n" +
           paths(report.not_fetchable_here);
}

std::string waiting(const RunReport& report) {
    std::vector<std::string> items;
    for (const auto& build : report.builds)
        if (build.waits_for_upstream())
            items.push_back(markdown::code(build.name) + ": " + markdown::text(build.deferred));
    auto list = bullet_list(items, most_paths);
    return titled("Waiting for upstream",
                  list.empty() ? list : "Put off, and not started before the run ended:\n\n" + list);
}

std::string trust(const RunReport& report) {
    std::string text;
    // Hosts of one fleet need the same lines; they are told once.
    std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> advice; // lines, targets
    for (const auto& target : report.targets) {
        if (target.trusted) continue;
        auto is_same = [&](const auto& entry) { return entry.first == target.trust_advice; };
        auto same = std::find_if(advice.begin(), advice.end(), is_same);
        if (same == advice.end())
            advice.push_back({target.trust_advice, {markdown::code(target.name)}});
        else
            same->second.push_back(markdown::code(target.name));
    }
    for (const auto& [lines, targets] : advice) {
        text += fmt::format("⚠️ {} would fetch nothing from {}{}\n\n", listed(targets, 20),
                            markdown::code(report.cache), lines.empty() ? "." : ", unless there is added:");
        if (!lines.empty()) text += markdown::code_block(lines, 400);
    }
    return titled("Trust", text + uncounted_markdown(report));
}

std::string left_out(const RunReport& report) {
    std::vector<std::string> items;
    for (const auto& name : report.skipped) items.push_back(markdown::code(name) + ": not selected");
    for (const auto& target : report.targets) {
        if (target.evaluate_only) items.push_back(markdown::code(target.name) + ": only evaluated, as asked");
        if (target.verdict == TargetVerdict::elsewhere)
            items.push_back(markdown::code(target.name) + ": needs " + markdown::text(target.system) +
                            ", which is not here");
    }
    return folded("Left out", items.size(), bullet_list(items, most_paths));
}

} // namespace cachefill::report::lists
