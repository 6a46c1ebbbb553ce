#include "report/summary.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/markdown.hpp"
#include "report/style.hpp"
#include "report/summary_failures.hpp"
#include "report/summary_lists.hpp"
#include "report/time_line.hpp"
#include "report/what_changed.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cachefill::report {

using event::PushOutcome;
using event::TargetVerdict;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_rows = 300; // of the table of hosts
constexpr std::size_t most_paths = 50; // in each list of paths

struct Section {
    std::string name; // as it is told when there is no room for it
    std::string text;
};

std::string change(const TargetReport& target) {
    if (!target.previous_closure_bytes) return "new";
    auto before = *target.previous_closure_bytes;
    if (before == target.closure_bytes) return "as before";
    bool grew = target.closure_bytes > before;
    return (grew ? "+" : "−") + human_bytes(grew ? target.closure_bytes - before : before - target.closure_bytes);
}

std::string state_of(const RunReport& report, const TargetReport& target) {
    if (!target.error.empty()) return "❌ does not evaluate";
    if (target.evaluate_only) return "✅ evaluates";
    switch (target.verdict) {
    case TargetVerdict::complete:
        return target.trusted ? "✅ complete" : "⚠️ complete, but not trusted";
    case TargetVerdict::by_path:
        return "⚠️ by path only";
    case TargetVerdict::incomplete:
        if (target.failed + target.blocked > 0)
            return fmt::format("❌ {} failed, {} blocked", target.failed, target.blocked);
        if (!target.waiting_for_upstream.empty()) return "⏳ waits for upstream";
        if (report.read_only) return "🔒 not in the cache yet";
        if (report.command == Command::plan) return "⏳ not in the cache yet";
        if (target.missing.empty()) return "❌ incomplete";
        return fmt::format("❌ {} missing", counted(target.missing.size(), "path"));
    case TargetVerdict::not_evaluated:
        return "⚪ not evaluated";
    case TargetVerdict::elsewhere:
        return "⚪ needs " + (target.system.empty() ? "another machine" : markdown::text(target.system));
    case TargetVerdict::unknown:
        break;
    }
    return "⚪ not checked";
}

bool is_unremarkable(const TargetReport& target) {
    return target.verdict == TargetVerdict::complete && target.trusted && target.built == 0 && target.pushed == 0;
}

struct Column {
    std::string heading;
    std::string (*cell)(const TargetReport&);
};

std::string number_or_blank(std::uint64_t number) { return number > 0 ? std::to_string(number) : std::string(); }
std::string time_or_blank(std::chrono::milliseconds time) { return time > 0ms ? clock_text(time) : std::string(); }

std::string closure(const TargetReport& target) {
    if (target.closure_bytes == 0) return {};
    return human_bytes(target.closure_bytes) + " (" + change(target) + ")";
}

std::string pushed(const TargetReport& target) {
    if (target.pushed == 0) return {};
    return fmt::format("{} ({})", target.pushed, human_bytes(target.pushed_bytes));
}

// What matters less comes last: a wide table may be cut there.
const std::vector<Column> number_columns{
    {"built", [](const TargetReport& t) { return number_or_blank(t.built); }},
    {"fetched", [](const TargetReport& t) { return number_or_blank(t.fetched); }},
    {"pushed", pushed},
    {"closure", closure},
    {"to evaluate", [](const TargetReport& t) { return time_or_blank(t.evaluation); }},
    {"to build", [](const TargetReport& t) { return time_or_blank(t.build_time); }},
};

std::string host_table(const RunReport& report) {
    std::vector<const TargetReport*> shown;
    for (bool unremarkable : {false, true})
        for (const auto& target : report.targets)
            if (is_unremarkable(target) == unremarkable) shown.push_back(&target);
    auto more = shown.size() > most_rows ? shown.size() - most_rows : 0;
    shown.resize(shown.size() - more);
    if (shown.empty()) return {};
    std::vector<const Column*> used;
    for (const auto& column : number_columns)
        if (std::any_of(shown.begin(), shown.end(), [&](const auto* target) { return !column.cell(*target).empty(); }))
            used.push_back(&column);
    std::vector<std::vector<std::string>> rows{{"host", "state"}};
    std::vector<bool> numbers{false, false};
    for (const auto* column : used) {
        rows[0].push_back(column->heading);
        numbers.push_back(true);
    }
    for (const auto* target : shown) {
        std::vector<std::string> row{markdown::code(target->name), state_of(report, *target)};
        for (const auto* column : used) row.push_back(column->cell(*target));
        rows.push_back(std::move(row));
    }
    auto text = markdown::table(rows, numbers);
    if (more > 0) text += fmt::format("\nand {}, which the JSON report lists\n", counted(more, "more host"));
    return text;
}

// Each figure by itself, so that "nothing was pushed" can never hide behind "nothing was built".
std::string figure_table(const RunReport& report, const Figures& sums) {
    bool is_plan = report.command == Command::plan;
    std::vector<std::vector<std::string>> rows(2);
    auto add = [&rows](std::string heading, std::uint64_t number) {
        rows[0].push_back(std::move(heading));
        rows[1].push_back(std::to_string(number));
    };
    auto add_if = [&add](std::string heading, std::uint64_t number) {
        if (number > 0) add(std::move(heading), number);
    };
    if (!is_plan) {
        add("built", sums.built);
        add("pushed while building", sums.pushed_while_building);
        add("pushed after", sums.pushed_after);
    }
    add_if("of these known to the cache", sums.deduplicated);
    add("in the cache before", report.present);
    add_if("upstream", report.upstream);
    add_if("already there", sums.already_there);
    add_if("inputs fetched", report.fetched);
    for (const auto& [heading, number] : given_in_words(report.shard)) add(heading, number);
    add_if("found", sums.found);
    add_if("failed", sums.failed);
    add_if("timed out", sums.timed_out);
    add_if("silent", sums.silent);
    add_if("refused", sums.refused);
    add_if("blocked", sums.blocked);
    add_if("cancelled", sums.cancelled);
    add_if(is_plan ? "to build" : "not started", sums.not_started);
    add_if("for other machines", sums.elsewhere);
    add_if("withheld", sums.withheld);
    add_if("failed to push", sums.failed_to_push);
    add_if(is_plan ? "to push" : "not pushed", sums.not_pushed);
    auto text = markdown::table(rows, std::vector<bool>(rows[0].size(), true));
    if (std::any_of(report.targets.begin(), report.targets.end(), [](const auto& target) { return target.verified; }))
        text +=
            fmt::format("\nA machine that evaluates its own configuration would compile: **{}**\n", sums.would_compile);
    if (sums.pushed_nar_bytes > 0)
        text += fmt::format("\n{} pushed, {} after compression.\n", human_bytes(sums.pushed_nar_bytes),
                            human_bytes(sums.pushed_file_bytes));
    return text;
}

std::string cache_table(const RunReport& report) {
    std::vector<std::vector<std::string>> rows{{"cache", "is", "requests"}};
    for (const auto& cache : report.caches)
        rows.push_back(
            {markdown::code(cache.url.empty() ? cache.name : cache.url),
             std::string(cache.is_upstream ? "upstream" : "filled") + (cache.reachable ? "" : ", ⚠️ not reachable"),
             std::to_string(cache.requests)});
    if (rows.size() == 1) return {};
    return lists::folded("Caches", rows.size() - 1, markdown::table(rows, {false, false, true}));
}

std::string symbol(const RunReport& report) {
    if (report.exit_code == 4) return "⏱️";
    if (report.exit_code == 130 || report.exit_code == 143) return "🛑";
    if (report.exit_code != 0) return "❌";
    if (!report.superseded_by.empty()) return "⏭️";
    if (report.read_only) return "🔒";
    return "✅";
}

// What explains the verdict, each a line of a quotation.
std::string notes(const RunReport& report) {
    std::vector<std::string> lines;
    if (!report.superseded_by.empty())
        lines.push_back("Superseded: a [newer run](" + report.superseded_by +
                        ") waits. Nothing new was started; what was built is in the cache.");
    if (report.read_only && report.command != Command::plan)
        lines.push_back("**Read-only**: nothing was pushed. What is built here goes up when it is merged.");
    for (std::size_t i = 0; i < std::min(report.causes.size(), most_paths); ++i)
        lines.push_back(markdown::text(report.causes[i]));
    std::vector<std::string> seen = report.causes;
    for (const auto& message : report.messages) {
        if (message.severity == event::Severity::info || lines.size() >= most_paths) continue;
        if (std::find(seen.begin(), seen.end(), message.text) != seen.end()) continue;
        seen.push_back(message.text);
        bool matters = message.severity != event::Severity::notice;
        auto line = (matters ? "⚠️ " : "") + markdown::text(message.text);
        if (!message.hint.empty()) line += " — " + markdown::text(message.hint);
        lines.push_back(std::move(line));
    }
    std::string text;
    for (const auto& line : lines) text += "> " + line + "\n>\n";
    if (!text.empty()) text.resize(text.size() - 2);
    return text.empty() ? text : "\n" + text;
}

std::string opening(const RunReport& report) {
    auto text = fmt::format("## {} {}\n\n", symbol(report), markdown::text(verdict(report)));
    std::vector<std::string> facts;
    // Of a checkout the revision says it all; the directory it lies in is the runner's affair.
    if (!report.flake_url.empty() && !report.flake_is_local)
        facts.push_back("flake " + markdown::code(report.flake_url));
    if (!report.flake_revision.empty())
        facts.push_back("commit " + markdown::code(report.flake_revision.substr(0, 12)) +
                        (report.flake_dirty ? " with uncommitted changes" : ""));
    if (!report.branch.empty()) facts.push_back("branch " + markdown::code(report.branch));
    facts.push_back(human_duration(report.took));
    if (!report.nix_version.empty()) facts.push_back("Nix " + markdown::text(report.nix_version));
    if (!report.version.empty()) facts.push_back("cachefill " + markdown::text(report.version));
    return text + join(facts, " · ") + "\n";
}

std::string closing(const SummarySettings& settings) {
    std::vector<std::string> facts;
    if (!settings.report_file.empty())
        facts.push_back("All of it as JSON: the file " + markdown::code(settings.report_file) +
                        ", this step's output `report`");
    if (!settings.run_url.empty()) facts.push_back("[this run](" + settings.run_url + ")");
    return facts.empty() ? std::string() : "\n<sub>" + join(facts, " · ") + "</sub>\n";
}

// It knows nothing of whole hosts.
std::string verdict_on_shard(const RunReport& report) {
    auto sums = figures(report);
    auto text =
        fmt::format("Shard {} of {}: {} built, {} pushed", report.shard.number, report.shard.shards,
                    counted(sums.built, "derivation"), counted(sums.pushed_while_building + sums.pushed_after, "path"));
    if (sums.failed > 0) text += fmt::format(", {} failed", sums.failed);
    if (!report.shard.taken_over.empty())
        text += fmt::format(", {} taken over from shards that were gone", report.shard.taken_over.size());
    return text;
}

} // namespace

std::string verdict(const RunReport& report) {
    if (report.shard.number > 0) return verdict_on_shard(report);
    std::uint64_t complete = 0, by_path = 0, counting = 0, elsewhere = 0;
    for (const auto& target : report.targets) {
        by_path += target.counts() && target.verdict == TargetVerdict::by_path ? 1U : 0U;
        elsewhere += target.verdict == TargetVerdict::elsewhere ? 1U : 0U;
        counting += target.counts() ? 1U : 0U;
        complete += target.counts() && target.verdict == TargetVerdict::complete ? 1U : 0U;
    }
    auto cache = report.cache.empty() ? std::string("the cache") : report.cache;
    std::string text;
    if (report.targets.empty())
        text = "No host was looked at";
    else if (counting == 0)
        text = "No host of the flake can be built on this machine";
    else if (complete == counting)
        text = (counting == 1   ? std::string("The host is")
                : counting == 2 ? std::string("Both hosts are")
                                : fmt::format("All {} hosts are", counting)) +
               " complete in " + cache;
    else
        text = fmt::format("{} of {} complete in {}", complete, counted(counting, "host"), cache);
    if (by_path > 0) text += fmt::format(", {} by path only", by_path);
    if (report.command == Command::plan)
        text = "Plan: " + text;
    else if (report.read_only)
        text = "Read-only: " + text;
    if (elsewhere > 0) text += fmt::format(", {} for other machines", elsewhere);
    return text;
}

std::string to_markdown(const RunReport& report, const SummarySettings& settings) {
    auto sums = figures(report);
    std::string chart = time_line(report);
    if (!chart.empty()) chart = "```mermaid\n" + chart + "```\n";
    // In the order of importance: what has no room is what stands last.
    std::vector<Section> sections{
        {"", opening(report) + notes(report)},
        {"failures", lists::titled("Failures", failures_markdown(report, settings.most_bytes / 2))},
        {"shards", lists::titled("Shards", settings.shards)},
        {"hosts", lists::titled("Hosts", host_table(report))},
        {"figures", "\n" + figure_table(report, sums)},
        {"what did not go up", lists::what_did_not_go_up(report)},
        {"what is missing", lists::missing(report)},
        {"what changed", lists::titled("What changed", changes_markdown(report))},
        {"what waits for upstream", lists::waiting(report)},
        {"trust", lists::trust(report)},
        {"time line", lists::titled("Time", chart)},
        {"what this machine cannot fetch", lists::lacking(report)},
        {"what was left out", lists::left_out(report)},
        {"caches", cache_table(report)},
    };
    auto end = closing(settings);
    constexpr std::size_t room_for_names = 300;
    std::string text;
    std::vector<std::string> without;
    for (const auto& section : sections) {
        if (section.text.empty()) continue;
        if (text.size() + section.text.size() + end.size() + room_for_names > settings.most_bytes)
            without.push_back(section.name);
        else
            text += section.text;
    }
    if (!without.empty())
        text += "\n_Too long for a summary, and therefore not here: " + join(without, ", ") +
                ". The JSON report has all of it._\n";
    return text + end;
}

} // namespace cachefill::report
