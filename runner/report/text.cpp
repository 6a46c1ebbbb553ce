#include "base/text.hpp"

#include "base/units.hpp"
#include "report/columns.hpp"
#include "report/failures_text.hpp"
#include "report/next_step.hpp"
#include "report/run_report.hpp"
#include "report/style.hpp"
#include "report/warnings_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cachefill::report {

namespace {

using event::BuildOutcome;
using event::PushOutcome;
using event::TargetVerdict;
using Align = Table::Align;
using namespace std::chrono_literals;

constexpr std::size_t most_rows = 25;  // of the table of targets; complete ones are folded first
constexpr std::size_t most_paths = 20; // in each list of paths; the JSON report has all

Table::Cell state_of(const TargetReport& target) {
    if (!target.error.empty()) return {"does not evaluate", Tone::bad};
    if (target.evaluate_only && !target.derivation.empty()) return {"evaluates", Tone::good};
    switch (target.verdict) {
    case TargetVerdict::complete:
        return target.trusted ? Table::Cell{"complete", Tone::good} : Table::Cell{"complete, not trusted", Tone::warn};
    case TargetVerdict::by_path:
        return {"by path only", Tone::warn};
    case TargetVerdict::incomplete:
        if (!target.waiting_for_upstream.empty() && target.failed + target.blocked == 0)
            return {"waiting for upstream", Tone::warn};
        return {"incomplete", Tone::bad};
    case TargetVerdict::not_evaluated:
        return {"not evaluated", Tone::warn};
    case TargetVerdict::elsewhere:
        return {"elsewhere", Tone::plain};
    case TargetVerdict::unknown:
        break;
    }
    return {target.derivation.empty() ? "not evaluated" : "not checked", Tone::plain};
}

bool is_unremarkable(const TargetReport& target) {
    return target.verdict == TargetVerdict::complete && target.trusted && target.error.empty() && target.built == 0 &&
           target.pushed == 0;
}

// A column of the table of targets; it is there only if one of the rows says something in it.
struct Column {
    std::string heading;
    bool may_go; // where the terminal is too narrow for all
    std::string (*text)(const TargetReport&);
};

std::string number_or_blank(std::uint64_t number) { return number > 0 ? std::to_string(number) : std::string(); }

const std::vector<Column> number_columns{
    {"built", false, [](const TargetReport& t) { return number_or_blank(t.built); }},
    {"failed", false, [](const TargetReport& t) { return number_or_blank(t.failed); }},
    {"blocked", false, [](const TargetReport& t) { return number_or_blank(t.blocked); }},
    {"pushed", false, [](const TargetReport& t) { return number_or_blank(t.pushed); }},
    {"missing", false, [](const TargetReport& t) { return number_or_blank(t.missing.size()); }},
    {"paths", true, [](const TargetReport& t) { return number_or_blank(t.closure_paths); }},
    {"closure", false,
     [](const TargetReport& t) { return t.closure_bytes ? human_bytes(t.closure_bytes) : std::string(); }},
    {"evaluated", true,
     [](const TargetReport& t) { return t.evaluation > 0ms ? human_duration(t.evaluation) : std::string(); }},
};

void drop_to_width(std::vector<const Column*>& used, const std::vector<const TargetReport*>& shown, std::size_t width) {
    std::size_t total = 0;
    for (const auto* target : shown)
        total = std::max(total, columns(target->name) + 2 + columns(state_of(*target).text));
    auto width_of = [&shown](const Column& column) {
        auto widest = columns(column.heading);
        for (const auto* target : shown) widest = std::max(widest, columns(column.text(*target)));
        return widest + 2;
    };
    for (const auto* column : used) total += width_of(*column);
    for (auto i = used.size(); i-- > 0 && total > width;) {
        if (!used[i]->may_go) continue;
        total -= width_of(*used[i]);
        used.erase(used.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

std::string target_table(const RunReport& report, const Style& style, std::size_t width) {
    std::vector<const TargetReport*> shown;
    std::size_t folded = 0;
    for (const auto& target : report.targets) {
        if (report.targets.size() > most_rows && is_unremarkable(target))
            ++folded;
        else
            shown.push_back(&target);
    }
    std::string rest;
    if (folded > 0) rest = fmt::format("and {} complete, with nothing to do\n", counted(folded, "target"));
    if (shown.empty()) return rest;
    std::vector<const Column*> used;
    for (const auto& column : number_columns)
        if (std::any_of(shown.begin(), shown.end(), [&](const auto* target) { return !column.text(*target).empty(); }))
            used.push_back(&column);
    drop_to_width(used, shown, width);
    std::vector<Align> alignment{Align::left, Align::left};
    std::vector<Table::Cell> heading{{"target", Tone::dim}, {"state", Tone::dim}};
    for (const auto* column : used) {
        alignment.push_back(Align::right);
        heading.push_back({column->heading, Tone::dim});
    }
    Table table(alignment);
    table.add(heading);
    for (const auto* target : shown) {
        std::vector<Table::Cell> row{{target->name}, state_of(*target)};
        for (const auto* column : used) row.push_back({column->text(*target)});
        table.add(std::move(row));
    }
    return table.render(style, width) + rest;
}

std::uint64_t planned_pushes(const RunReport& report) {
    return static_cast<std::uint64_t>(
        std::count_if(report.pushes.begin(), report.pushes.end(), [](const auto& push) { return push.planned; }));
}

std::string kinds_of(const Figures& sums) {
    std::vector<std::string> kinds;
    for (const auto& [kind, count] : sums.built_of_kind)
        if (!kind.empty()) kinds.push_back(fmt::format("{} {}", count, kind));
    return join(kinds, ", ");
}

// Each figure by itself, so that "nothing was pushed" can never hide behind "nothing was built". Those that tell
// whether pushing works at all are there even when they are 0; the others only when they are not.
std::string figure_table(const RunReport& report, const Figures& sums, const Style& style, std::size_t width) {
    bool is_plan = report.command == Command::plan || planned_pushes(report) > 0; // a dry run of a push is one, too
    Table table({Align::left, Align::right, Align::left});
    auto add = [&table](std::string label, std::uint64_t number, std::string remark = {}, Tone tone = Tone::plain) {
        table.add({{std::move(label), tone}, {std::to_string(number)}, {std::move(remark), Tone::dim}});
    };
    auto add_if = [&add](std::string label, std::uint64_t number, std::string remark = {}, Tone tone = Tone::plain) {
        if (number > 0) add(std::move(label), number, std::move(remark), tone);
    };
    std::string bytes;
    bool both = sums.pushed_while_building > 0 && sums.pushed_after > 0;
    if (sums.pushed_nar_bytes > 0)
        bytes = fmt::format("{}{}, {} compressed", both ? "together " : "", human_bytes(sums.pushed_nar_bytes),
                            human_bytes(sums.pushed_file_bytes));
    bool worked = sums.built + sums.pushed_while_building + sums.pushed_after > 0;
    if (worked) {
        add("built", sums.built, kinds_of(sums));
        add("pushed while building", sums.pushed_while_building, sums.pushed_while_building > 0 ? bytes : "");
        add("pushed after", sums.pushed_after, sums.pushed_while_building > 0 ? "" : bytes);
    }
    add_if("of these known", sums.deduplicated, "the cache had the content already, under another name");
    add_if("already there", sums.already_there, "nothing to upload");
    if (worked || is_plan) {
        add_if("in the cache", report.present);
        add_if("upstream", report.upstream);
    }
    add_if("inputs fetched", report.fetched);
    add_if("from other shards", report.shard.awaited.size(), "waited for, and published by them");
    add_if("taken over", report.shard.taken_over.size(), "built for a shard that was gone");
    for (const auto& [heading, number] : given_in_words(report.shard)) add(heading, number, "as that one was slower");
    add_if("found", sums.found, "valid here by the time they were to be built");
    add_if("failed", sums.failed, {}, Tone::bad);
    add_if("timed out", sums.timed_out, {}, Tone::bad);
    add_if("silent", sums.silent, "printed nothing for too long", Tone::bad);
    add_if("refused", sums.refused, "Nix would not begin", Tone::bad);
    add_if("blocked", sums.blocked, "something they need failed", Tone::warn);
    add_if("cancelled", sums.cancelled, {}, Tone::warn);
    add_if(is_plan ? "to build" : "not started", sums.not_started, {}, is_plan ? Tone::plain : Tone::warn);
    add_if("waiting for upstream", sums.waiting_for_upstream, "deferred, and the time was up before their turn",
           Tone::warn);
    add_if("elsewhere", sums.elsewhere, "for a system or feature that nobody here has");
    add_if("withheld", sums.withheld, {}, Tone::warn);
    add_if("failed to push", sums.failed_to_push, {}, Tone::bad);
    add_if(is_plan ? "to push" : "not pushed", sums.not_pushed, {}, is_plan ? Tone::plain : Tone::warn);
    return table.render(style, width);
}

std::string list_of(std::string heading, const std::vector<std::string>& items, Tone tone, const Style& style) {
    if (items.empty()) return {};
    auto text = style(tone, heading) + "\n";
    for (std::size_t i = 0; i < std::min(items.size(), most_paths); ++i) text += "  " + items[i] + "\n";
    if (items.size() > most_paths)
        text += fmt::format("  and {} more; the JSON report has all\n", items.size() - most_paths);
    return text;
}

std::vector<std::string> pushes_with(const RunReport& report, PushOutcome outcome, bool built) {
    std::vector<std::string> found;
    for (const auto& push : report.pushes)
        if (push.outcome == outcome && push.built_by_this_run == built && !push.planned)
            found.push_back(push.reason.empty() ? push.path : push.path + ": " + push.reason);
    return found;
}

std::string what_is_not_there(const RunReport& report, const Style& style) {
    std::string text;
    for (bool built : {true, false}) {
        std::string prefix = built ? "built, " : "";
        text += list_of(prefix + "withheld:", pushes_with(report, PushOutcome::withheld, built), Tone::warn, style);
        text += list_of(prefix + "failed to push:", pushes_with(report, PushOutcome::failed, built), Tone::bad, style);
        text += list_of(prefix + (report.command == Command::plan ? "not to be pushed:" : "not pushed:"),
                        pushes_with(report, PushOutcome::not_pushed, built), Tone::warn, style);
    }
    std::vector<std::string> waiting;
    for (const auto& build : report.builds)
        if (build.waits_for_upstream() && report.command != Command::plan)
            waiting.push_back(build.name + " (" + build.deferred + ")");
    text += list_of("waiting for upstream:", waiting, Tone::warn, style);
    text += list_of("holes, served by nobody and not fillable here:", report.holes, Tone::bad, style);
    text +=
        list_of("undecided, because a cache that may have it could not be asked:", report.undecided, Tone::warn, style);
    for (const auto& target : report.targets) {
        // Nobody here was asked to make an elsewhere target fetchable; the JSON report has the list.
        if (report.command == Command::plan || target.missing.empty() || target.verdict == TargetVerdict::elsewhere)
            continue;
        text += list_of(target.name + " cannot fetch:", target.missing, Tone::bad, style);
    }
    text += list_of("present, but not fetchable by this machine (it lacks the substituter or key):",
                    report.not_fetchable_here, Tone::plain, style);
    return text;
}

// What a machine does that evaluates its own configuration. Kept away from the verdicts: things that are local by
// design cost seconds whatever the cache holds, a compilation may cost hours.
std::string consumer_line(const RunReport& report, const Figures& sums, const Style& style) {
    bool is_known = std::any_of(report.targets.begin(), report.targets.end(),
                                [](const auto& t) { return t.verified && t.error.empty(); });
    if (!is_known) return {};
    auto tone = sums.would_compile > 0 ? Tone::bad : Tone::plain;
    // Below what is missing the caches were not asked, and what two hosts share counts twice.
    bool is_bound = std::any_of(report.targets.begin(), report.targets.end(), [](const auto& target) {
        return target.would_compile > 0 && !is_filled(target.verdict) && target.verdict != TargetVerdict::elsewhere;
    });
    auto text = style(tone, fmt::format("would compile: {}{}", is_bound ? "at most " : "", sums.would_compile));
    if (sums.would_compile > 0) {
        std::vector<std::string> names;
        for (const auto& target : report.targets)
            if (target.would_compile > 0 && target.verdict != TargetVerdict::elsewhere)
                names.push_back(fmt::format("{} ({})", target.name, target.would_compile));
        text += ", on " + listed(names, 5);
    }
    std::uint64_t by_design = 0;
    for (const auto& target : report.targets) by_design = std::max(by_design, target.built_by_design);
    if (by_design > 0)
        text +=
            fmt::format(" · local by design: {} on a machine, in seconds",
                        report.targets.size() > 1 ? fmt::format("at most {}", by_design) : fmt::to_string(by_design));
    return text + "\n";
}

std::string uncounted(const RunReport& report) {
    std::string text;
    for (const auto& line : uncounted_text(report)) text += line + "\n";
    return text;
}

// Each apart: they decide nothing, and their figures are none of the cache that does.
std::string mirror_lines(const RunReport& report, const Figures& sums, const Style& style) {
    auto pushed = sums.pushed_while_building + sums.pushed_after;
    std::string text;
    for (const auto& mirror : report.also_pushed) {
        auto line = fmt::format("also in {}: {} pushed ({}), {} there already", mirror.name, mirror.pushed,
                                human_bytes(mirror.pushed_bytes), mirror.already_there);
        if (mirror.failed + mirror.not_pushed > 0)
            line += fmt::format(", {} failed, {} not pushed", mirror.failed, mirror.not_pushed);
        if (!mirror.reachable) line = "also in " + mirror.name + ": not reachable";
        if (!mirror.reachable && pushed > 0) line += ", so it lacks " + counted(pushed, "path") + " of this run";
        if (!mirror.error.empty()) line += ": " + one_line(mirror.error);
        bool is_whole = mirror.reachable && mirror.failed + mirror.not_pushed == 0;
        text += style(is_whole ? Tone::plain : Tone::warn, line) + "\n";
    }
    return text;
}

std::string shard_of(const RunReport& report) {
    const auto& shard = report.shard;
    return shard.number == 0 ? std::string() : fmt::format("shard {} of {}: ", shard.number, shard.shards);
}

std::string outcome_without_targets(const RunReport& report, const Figures& sums, const std::string& cache) {
    if (auto pushed = sums.pushed_while_building + sums.pushed_after; pushed > 0)
        return counted(pushed, "path") + " pushed to " + cache;
    if (report.shard.number > 0 && report.exit_code == 0) return "nothing was left for it to build";
    if (report.command != Command::push) return report.exit_code == 0 ? "no target was looked at" : "nothing was begun";
    if (auto planned = planned_pushes(report); planned > 0)
        return counted(planned, "path") + " would be pushed to " + cache;
    bool is_all_there = report.exit_code == 0 && report.count(PushOutcome::already_there) == report.pushes.size();
    return is_all_there ? "nothing to push: all of it is in " + cache : "nothing was pushed to " + cache;
}

std::string outcome_line(const RunReport& report, const Figures& sums, const Style& style) {
    std::uint64_t complete = 0, by_path = 0, counting = 0, elsewhere = 0, unchecked = 0, only_evaluated = 0;
    for (const auto& target : report.targets) {
        bool is_unknown = target.verdict == TargetVerdict::unknown || target.verdict == TargetVerdict::not_evaluated;
        unchecked += target.counts() && target.error.empty() && is_unknown ? 1U : 0U;
        only_evaluated += target.evaluate_only && target.error.empty() && !target.is_check ? 1U : 0U;
        by_path += target.counts() && target.verdict == TargetVerdict::by_path ? 1U : 0U;
        counting += target.counts() ? 1U : 0U;
        complete += target.counts() && target.verdict == TargetVerdict::complete ? 1U : 0U;
        elsewhere += target.verdict == TargetVerdict::elsewhere ? 1U : 0U;
    }
    auto cache = report.cache.empty() ? std::string("the cache") : report.cache;
    auto whole = fmt::format("{} of {} complete in {}", complete, counted(counting, "target"), cache);
    // What nobody looked at is not said to be incomplete.
    if (unchecked > 0 && unchecked == counting)
        whole = fmt::format("{} not checked in {}", counted(unchecked, "target"), cache);
    else if (unchecked > 0)
        whole += fmt::format(", {} not checked", unchecked);
    std::vector<std::string> apart;
    if (counting == 0 && elsewhere > 0) whole = "no target can be built on this machine";
    if (counting + elsewhere == 0 && only_evaluated > 0)
        whole = counted(only_evaluated, "target") + " evaluated";
    else if (only_evaluated > 0)
        apart.push_back(fmt::format("{} only evaluated", only_evaluated));
    if (by_path > 0) apart.push_back(fmt::format("{} by path only", by_path));
    if (elsewhere > 0) apart.push_back(fmt::format("{} elsewhere", elsewhere));
    if (!apart.empty()) whole += " (" + join(apart, ", ") + ")";
    bool is_idle = report.builds.empty() && report.pushes.empty();
    if (report.targets.empty())
        whole = shard_of(report) + outcome_without_targets(report, sums, cache);
    else if (is_idle && complete == report.targets.size() && report.command == Command::run)
        whole = "nothing to build, nothing to push: " + whole;
    auto tone = report.exit_code == 0 ? Tone::good : Tone::bad;
    auto text = style(tone, report.exit_code == 0 ? "ok" : fmt::format("exit {}", report.exit_code));
    auto took = human_duration(report.took);
    return text + ": " + whole + (took == human_duration(0ms) ? "" : ", in " + took) + "\n"; // of no time none is told
}

// A cause that was a message has been told without the message; what to do about it must not be lost.
std::string hint_for(const RunReport& report, const std::string& cause) {
    for (const auto& message : report.messages)
        if (message.text == cause && !message.hint.empty()) return "    hint: " + one_line(message.hint) + "\n";
    return {};
}

std::string causes(const RunReport& report) {
    std::string text;
    for (std::size_t i = 0; i < std::min(report.causes.size(), most_paths); ++i)
        text += "  " + one_line(report.causes[i]) + "\n" + hint_for(report, report.causes[i]);
    if (report.causes.size() > most_paths)
        text += fmt::format("  and {}\n", counted(report.causes.size() - most_paths, "more cause"));
    return text;
}

} // namespace

std::string to_text(const RunReport& report, bool color, std::size_t width, bool failures_last) {
    Style style(color);
    auto sums = figures(report);
    bool worked = !report.builds.empty() || !report.pushes.empty();
    // Blocks with a blank line between them; a run that had nothing to do is one block.
    std::vector<std::string> blocks{target_table(report, style, width)};
    if (worked || report.command == Command::plan) blocks.push_back(figure_table(report, sums, style, width));
    blocks.push_back(what_is_not_there(report, style));
    blocks.push_back(trust_text(report, style) + uncounted(report) + warnings_text(report, style));
    auto failures = failures_text(report, style);
    if (!failures_last) blocks.push_back(failures);
    auto end = mirror_lines(report, sums, style) + consumer_line(report, sums, style) +
               outcome_line(report, sums, style) + causes(report) + (failures_last ? "" : next_step(report, sums));
    if (failures_last && !failures.empty()) end += "\n" + failures;
    std::erase_if(blocks, [](const auto& block) { return block.empty(); });
    if (blocks.size() <= 1 && !worked) return join(blocks, "") + end;
    return join(blocks, "\n") + "\n" + end;
}

} // namespace cachefill::report
