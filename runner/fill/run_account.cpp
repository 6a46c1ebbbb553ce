#include "fill/run_account.hpp"

#include "base/elapsed.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "cache/nar_look.hpp"
#include "fill/vanished.hpp"
#include "fill/verdict.hpp"
#include "options/typed.hpp"
#include "session/machines.hpp"

#include <algorithm>
#include <ctime>
#include <iterator>

namespace cachefill::fill {

namespace {

std::string iso8601(std::chrono::system_clock::time_point time) {
    auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

report::Command command_of(Extent extent) {
    switch (extent) {
    case Extent::plan:
        return report::Command::plan;
    case Extent::verify:
        return report::Command::verify;
    case Extent::fill:
        break;
    }
    return report::Command::run;
}

void add_caches(report::RunReport& report, const RunParts& parts) {
    for (std::size_t number = 0; number < parts.run.judge.size(); ++number) {
        const auto& name = parts.run.judge.info(number).name;
        report.caches.push_back({.name = name.empty() ? parts.run.judge.url(number) : name,
                                 .url = parts.run.judge.url(number),
                                 .is_upstream = number != plan::own_cache,
                                 .reachable = !parts.run.judge.is_out(number),
                                 .requests = parts.run.judge.requests(number)});
    }
}

// Why it is not in the cache although that took it, or has something under its name already; empty: it is there.
std::string why_not_there(const nix::StorePath& path, const push::PushRecord& record, const RunParts& parts) {
    auto refused =
        record.outcome == event::PushOutcome::already_there ? parts.run.judge.why_refused(path) : std::string();
    if (!refused.empty()) return refused; // it is shown, and believed by nobody
    auto vanished = parts.verification.vanished().find(path);
    return vanished == parts.verification.vanished().end() ? "" : why_vanished(record, vanished->second);
}

void add_pushes(report::RunReport& report, const RunParts& parts) {
    for (const auto& [path, record] : parts.run.outlets.ledger()) {
        auto lost = why_not_there(path, record, parts);
        report.pushes.push_back({.path = path.to_string(),
                                 .outcome = lost.empty() ? record.outcome : event::PushOutcome::failed,
                                 .built_by_this_run = record.built_by_this_run,
                                 .in_closure_only = record.in_closure_only,
                                 .while_building = record.while_building,
                                 .deduplicated = record.deduplicated,
                                 .nar_size = record.nar_size,
                                 .file_size = record.file_size,
                                 .start = parts.run.since_start(record.start),
                                 .took = record.took,
                                 .reason = lost.empty() ? record.reason : lost,
                                 .upstream = parts.pushes.pushed_although(path)});
    }
    std::sort(report.pushes.begin(), report.pushes.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
}

void add_trust(report::RunReport& report, const RunParts& parts) {
    if (!parts.run.consumers) return; // it did not come so far
    report.uncounted_upstreams = parts.run.consumers->uncounted().found();
    if (parts.run.extent == Extent::plan) {
        report.upstream_pushes = parts.run.consumers->planned_upstream_pushes(parts.run.session.settings().size_budget);
        return;
    }
    auto& pushes = report.upstream_pushes;
    pushes.size_budget = parts.run.session.settings().size_budget;
    for (const auto& push : report.pushes) {
        if (push.upstream.empty() || push.outcome != event::PushOutcome::published) continue;
        ++pushes.paths;
        pushes.nar_bytes += push.nar_size;
        pushes.file_bytes += push.file_size;
        if (std::find(pushes.upstreams.begin(), pushes.upstreams.end(), push.upstream) == pushes.upstreams.end())
            pushes.upstreams.push_back(push.upstream);
    }
}

// On one of the machines that this run was for: the first that is complete.
std::string example_of_switching(const report::RunReport& report, const RunParts& parts) {
    const auto& typed = parts.run.session.settings().typed;
    for (const auto& record : parts.fleet.targets()) {
        auto is_it = [&](const auto& target) { return target.name == record.ref.display(); };
        auto told = std::find_if(report.targets.begin(), report.targets.end(), is_it);
        if (told == report.targets.end() || told->verdict != event::TargetVerdict::complete || !record.ref.is_host())
            continue;
        auto command = make_switch_command(options::tool_for(record.ref.kind, parts.run.session.environment()),
                                           record.ref.kind, typed.flake, {});
        return holds_secret(typed.flake) ? std::string() : command.text();
    }
    return {};
}

void judge(report::RunReport& report, const RunParts& parts) {
    const auto& settings = parts.run.session.settings();
    VerdictRules rules{.fail_on = settings.fail_on,
                       .systems = settings.systems,
                       .require_all = settings.require_all,
                       .strict_trust = settings.strict_trust,
                       .plan_with_work_fails = settings.exit_code};
    Ending ending{.failures = parts.run.failures,
                  .signal = parts.run.interrupted,
                  .refused = {},
                  .nobody_builds =
                      parts.run.session.machines().remote_slots == 0 ? parts.run.why_nothing_is_built : std::string()};
    for (const auto& target : report.targets)
        for (const auto& missing : target.missing)
            if (auto path = nix::StorePath::parse(missing); path && !parts.run.judge.why_refused(*path).empty())
                ending.refused.insert(missing);
    auto verdict = fill::verdict(report, rules, ending);
    report.exit_code = static_cast<int>(verdict.code);
    report.causes = std::move(verdict.causes);
    std::move(verdict.excused.begin(), verdict.excused.end(), std::back_inserter(report.messages));
}

} // namespace

report::RunReport account_of(const RunParts& parts) {
    const auto& run = parts.run;
    report::RunReport report;
    report.command = command_of(run.extent);
    report.version = version;
    if (const auto& flake = parts.fleet.flake_if_open()) {
        report.flake_url = redact_url(flake->url);
        report.flake_revision = flake->revision;
        report.flake_dirty = flake->dirty;
        // Of a bundle the directory is not told.
        bool is_of_a_directory = flake->url.starts_with("git+file:") || flake->url.starts_with("path:");
        report.flake_is_local = is_of_a_directory || !flake->directory.empty();
    }
    const auto& settings = run.session.settings();
    const auto& name = run.session.cache_info().name;
    report.cache = name.empty() ? settings.cache.shown() : name;
    report.nix_version = run.session.nix().nix_version;
    report.started = iso8601(run.started_at);
    report.took = run.clock.elapsed_since(run.start);
    report.stages = run.stages;
    report.branch = run.session.environment().get_or("GITHUB_HEAD_REF", parts.fleet.branch());
    report.skipped = parts.fleet.skipped();
    report.read_only = settings.read_only;
    report.deadline_reached = run.deadline_reached;
    report.superseded_by = run.superseded_by;
    report.manifest = parts.announcements.manifest();
    report.also_pushed = parts.pushes.mirror_reports();
    report.derivations = run.graph.derivation_count();
    report.fetched = run.live.fetched();
    report.present = parts.planning.present();
    report.upstream = parts.planning.upstream();
    add_caches(report, parts);
    add_builds(report, parts);
    add_pushes(report, parts);
    add_trust(report, parts);
    add_targets(report, parts);
    for (auto path : run.live.now().unfillable_holes) report.holes.push_back(run.graph.path(path).to_string());
    for (auto path : run.live.now().undecided) report.undecided.push_back(run.graph.path(path).to_string());
    for (const auto& [path, cache] : run.live.lacking())
        report.not_fetchable_here.push_back(run.graph.path(path).to_string() + " (in " + run.judge.url(cache) + ")");
    for (const auto& failure : run.failures)
        report.messages.push_back(
            {.severity = event::Severity::error, .text = failure.one_line(), .hint = failure.hint()});
    report.again = command_again(settings.typed);
    report.switch_command = example_of_switching(report, parts);
    report.use_command = options::command_to_use(settings.typed);
    report.log_command = options::log_command(settings.store);
    judge(report, parts);
    return report;
}

} // namespace cachefill::fill
