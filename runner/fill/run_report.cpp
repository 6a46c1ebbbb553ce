// What a run says at its end, from its records.
#include "base/elapsed.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "fill/run.hpp"
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

void block(report::BuildReport& build, const plan::GraphDerivation& by) {
    build.blocked_by = std::string(by.name());
    build.blocked_by_derivation = by.path.to_string();
}

} // namespace

report::RunReport Run::report() const {
    report::RunReport report;
    using report::Command;
    report.command = extent_ == Extent::fill ? Command::run : extent_ == Extent::plan ? Command::plan : Command::verify;
    report.version = version;
    if (flake_) {
        report.flake_url = redact_url(flake_->url);
        report.flake_revision = flake_->revision;
        report.flake_dirty = flake_->dirty;
        report.flake_is_local = !flake_->directory.empty();
    }
    report.cache = session_.cache_info().name.empty() ? session_.settings().cache.shown() : session_.cache_info().name;
    report.nix_version = session_.nix().nix_version;
    report.started = iso8601(started_at_);
    report.took = elapsed_since(start_);
    report.stages = stages_;
    report.branch = session_.environment().get_or("GITHUB_HEAD_REF", branch_);
    report.skipped = skipped_;
    report.read_only = session_.settings().read_only;
    report.deadline_reached = deadline_reached_;
    report.superseded_by = superseded_by_;
    report.manifest = manifest_;
    report.also_pushed = unreachable_mirrors_;
    for (const auto& mirror : mirrors_) report.also_pushed.push_back(mirror->report());
    report.derivations = graph_.derivation_count();
    report.fetched = live_.fetched();
    report.present = present_;
    report.upstream = upstream_;
    add_caches(report);
    add_builds(report);
    add_pushes(report);
    add_trust(report);
    add_targets(report);
    for (auto path : live_.now().unfillable_holes) report.holes.push_back(graph_.path(path).to_string());
    for (auto path : live_.now().undecided) report.undecided.push_back(graph_.path(path).to_string());
    for (const auto& [path, cache] : live_.lacking())
        report.not_fetchable_here.push_back(graph_.path(path).to_string() + " (in " + presence_.url(cache) + ")");
    for (const auto& failure : failures_)
        report.messages.push_back(
            {.severity = event::Severity::error, .text = failure.one_line(), .hint = failure.hint()});
    report.again = command_again(session_.settings().typed);
    report.switch_command = example_of_switching(report);
    report.log_command = options::log_command(session_.settings().store);
    judge(report);
    return report;
}

void Run::add_caches(report::RunReport& report) const {
    for (std::size_t number = 0; number < presence_.size(); ++number) {
        const auto& name = presence_.info(number).name;
        report.caches.push_back({.name = name.empty() ? presence_.url(number) : name,
                                 .url = presence_.url(number),
                                 .is_upstream = number != plan::own_cache,
                                 .reachable = !presence_.is_out(number),
                                 .requests = presence_.requests(number)});
    }
}

void Run::add_targets(report::RunReport& report) const {
    for (const auto& record : targets_) report.targets.push_back(describe(record, report));
    for (const auto& finding : check_findings_) {
        report::TargetReport checked;
        checked.name = "flake:" + finding.output;
        checked.verdict = event::TargetVerdict::not_evaluated;
        checked.evaluate_only = checked.is_check = true;
        checked.error = finding.failure.cause();
        checked.position = finding.position;
        report.targets.push_back(std::move(checked));
    }
}

// On one of the machines that this run was for: the first that is complete.
std::string Run::example_of_switching(const report::RunReport& report) const {
    const auto& typed = session_.settings().typed;
    for (const auto& record : targets_) {
        auto is_it = [&](const auto& target) { return target.name == record.ref.display(); };
        auto told = std::find_if(report.targets.begin(), report.targets.end(), is_it);
        if (told == report.targets.end() || told->verdict != event::TargetVerdict::complete || !record.ref.is_host())
            continue;
        auto command = make_switch_command(options::tool_for(record.ref.kind, session_.environment()), record.ref.kind,
                                           typed.flake, {});
        return holds_secret(typed.flake) ? std::string() : command.text();
    }
    return {};
}

void Run::add_builds(report::RunReport& report) const {
    if (!driver_) return add_planned(report);
    for (const auto& [id, record] : driver_->records()) {
        const auto& derivation = graph_.derivation(id);
        report::BuildReport build;
        build.derivation = derivation.path.to_string();
        build.name = std::string(derivation.name());
        build.kind = std::string(plan::to_string(derivation.kind));
        build.outcome = record.outcome;
        build.took = record.took;
        for (const auto& output : record.outputs) build.outputs.push_back(output.to_string());
        build.targets = live_.targets_of(id);
        build.log_tail = record.log_tail;
        build.error = record.error;
        build.waits_for = record.waits_for;
        build.disk_was_full = record.disk_was_full;
        if (record.blocked_by) block(build, graph_.derivation(*record.blocked_by));
        build.deferred = live_.why_last(id);
        report.builds.push_back(std::move(build));
    }
    add_unbuildable(report);
}

// What no machine here can build, and what that blocks. The driver never hears of them.
void Run::add_unbuildable(report::RunReport& report) const {
    auto begin = [this](plan::DerivationId id, event::BuildOutcome outcome) {
        const auto& derivation = graph_.derivation(id);
        report::BuildReport build;
        build.derivation = derivation.path.to_string();
        build.name = std::string(derivation.name());
        build.kind = std::string(plan::to_string(derivation.kind));
        build.outcome = outcome;
        return build;
    };
    const auto& machines = session_.machines().abilities;
    for (auto id : live_.now().elsewhere) {
        auto build = begin(id, event::BuildOutcome::elsewhere);
        build.error = "it takes " + plan::BuildAbility::wanted(graph_.derivation(id), machines);
        for (std::size_t i = 0; i < live_.now().targets.size(); ++i) {
            const auto& ids = live_.now().targets[i].elsewhere;
            if (std::find(ids.begin(), ids.end(), id) != ids.end()) build.targets.push_back(live_.targets()[i].name);
        }
        report.builds.push_back(std::move(build));
    }
    for (const auto& blocked : live_.now().blocked) {
        auto build = begin(blocked.derivation, event::BuildOutcome::blocked);
        if (blocked.by) block(build, graph_.derivation(*blocked.by));
        for (auto target : blocked.targets) build.targets.push_back(live_.targets()[target].name);
        report.builds.push_back(std::move(build));
    }
}

// For `plan`: what would be built and pushed.
void Run::add_planned(report::RunReport& report) const {
    std::map<plan::DerivationId, plan::DerivationId> blocked_by; // what Nix refuses blocks what needs it
    for (const auto& planned : live_.now().builds) {
        const auto& derivation = graph_.derivation(planned.derivation);
        report::BuildReport build;
        build.derivation = derivation.path.to_string();
        build.name = std::string(derivation.name());
        build.kind = std::string(plan::to_string(derivation.kind));
        build.targets = live_.targets_of(planned.derivation);
        if (!derivation.flaw.empty()) {
            build.outcome = event::BuildOutcome::refused;
            build.error = derivation.flaw;
            blocked_by.emplace(planned.derivation, planned.derivation);
        }
        for (auto before : planned.after)
            if (auto by = blocked_by.find(live_.now().builds[before].derivation); by != blocked_by.end())
                if (build.outcome == event::BuildOutcome::not_started) {
                    build.outcome = event::BuildOutcome::blocked;
                    block(build, graph_.derivation(by->second));
                    blocked_by.emplace(planned.derivation, by->second);
                }
        if (build.outcome == event::BuildOutcome::not_started) build.expected = planned.expected;
        build.deferred = live_.why_last(planned.derivation);
        for (const auto& output : derivation.outputs)
            if (output.path != plan::no_path) build.outputs.push_back(graph_.path(output.path).to_string());
        report.builds.push_back(std::move(build));
    }
    add_unbuildable(report);
    for (const auto& [path, record] : planned_pushes_) {
        if (record.outcome == event::PushOutcome::already_there) continue;
        report::PushReport push;
        push.path = path.to_string();
        push.outcome = record.outcome;
        push.planned = record.planned;
        push.in_closure_only = record.in_closure_only;
        push.reason = record.planned ? "planned" : record.reason;
        push.nar_size = record.nar_size;
        report.pushes.push_back(std::move(push));
    }
    std::sort(report.pushes.begin(), report.pushes.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
}

void Run::add_pushes(report::RunReport& report) const {
    for (const auto& [path, record] : outlets_.ledger())
        report.pushes.push_back({.path = path.to_string(),
                                 .outcome = record.outcome,
                                 .built_by_this_run = record.built_by_this_run,
                                 .in_closure_only = record.in_closure_only,
                                 .while_building = record.while_building,
                                 .nar_size = record.nar_size,
                                 .file_size = record.file_size,
                                 .reason = record.reason,
                                 .upstream = pushed_although_.contains(path) ? pushed_although_.at(path) : ""});
    std::sort(report.pushes.begin(), report.pushes.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
}

// What became of that which the target needs.
void Run::count_work(report::TargetReport& target, const report::RunReport& report) const {
    for (const auto& build : report.builds) {
        if (std::find(build.targets.begin(), build.targets.end(), target.name) == build.targets.end()) continue;
        target.build_time += build.took;
        target.built += build.outcome == event::BuildOutcome::built;
        target.found += build.outcome == event::BuildOutcome::found;
        target.failed += event::is_failure(build.outcome);
        target.blocked += build.outcome == event::BuildOutcome::blocked;
        if (build.waits_for_upstream() && is_filling()) target.waiting_for_upstream.push_back(build.name);
        if (build.outcome != event::BuildOutcome::built && build.outcome != event::BuildOutcome::found) continue;
        for (const auto& output : build.outputs) {
            auto push = std::lower_bound(report.pushes.begin(), report.pushes.end(), output,
                                         [](const auto& p, const auto& path) { return p.path < path; });
            bool published =
                push != report.pushes.end() && push->path == output && push->outcome == event::PushOutcome::published;
            if (!published) continue;
            ++target.pushed;
            target.pushed_bytes += push->file_size;
        }
    }
}

// As the plan has it; a verification knows better.
event::TargetVerdict Run::planned_verdict(const TargetRecord& record) const {
    if (!record.planned || *record.planned >= live_.now().targets.size()) return event::TargetVerdict::unknown;
    switch (live_.now().targets[*record.planned].state) {
    case plan::TargetState::complete:
        return record.by_path_only ? event::TargetVerdict::by_path : event::TargetVerdict::complete;
    case plan::TargetState::incomplete:
        return event::TargetVerdict::incomplete;
    case plan::TargetState::elsewhere:
        return event::TargetVerdict::elsewhere;
    case plan::TargetState::unknown:
        break;
    }
    return event::TargetVerdict::unknown;
}

report::TargetReport Run::describe(const TargetRecord& record, const report::RunReport& report) const {
    report::TargetReport target;
    target.name = record.ref.display();
    target.position = record.position;
    target.evaluation = record.took;
    target.evaluate_only = record.evaluate_only;
    target.named_exactly = record.named_exactly;
    if (record.failure) target.error = record.failure->cause();
    if (record.failure) target.hint = record.failure->hint();
    if (!record.evaluated) {
        target.system = record.needs_system;
        target.verdict =
            record.needs_system.empty() ? event::TargetVerdict::not_evaluated : event::TargetVerdict::elsewhere;
        return target;
    }
    target.system = record.evaluated->system;
    target.impure = record.evaluated->impure;
    target.why_impure = record.evaluated->why_impure;
    target.evaluation = record.evaluated->took;
    target.peak_memory = record.evaluated->peak_memory;
    target.derivation = record.evaluated->derivation.to_string();
    if (is_left_to_others(*record.evaluated)) {
        target.left_to_others = true;
        target.verdict = event::TargetVerdict::elsewhere;
        return target;
    }
    count_work(target, report);
    if (record.planned) target.fetched = live_.fetched_for(*record.planned);
    target.built_by_all = record.built_by_all;
    target.trusted =
        record.was_verified ? record.verified.trusted : upstreams_ && upstreams_->trusts_own_cache(record.host);
    if (upstreams_ && !target.trusted) target.trust_advice = upstreams_->advice_for_own_cache(record.host);
    if (upstreams_) target.not_asked = upstreams_->not_asked(record.host);
    if (!record.was_verified) {
        target.verdict = planned_verdict(record);
        return target;
    }
    const auto& verified = record.verified;
    target.verified = true;
    target.verdict = verified.verdict;
    target.output = verified.output;
    target.missing = verified.missing;
    target.closure_paths = verified.closure_paths;
    target.closure_bytes = verified.closure_bytes;
    target.previous_closure_bytes = record.previous_closure_bytes;
    target.built_by_design = verified.built_by_design;
    target.would_compile = verified.would_compile;
    target.would_build_with_always_allow = verified.would_build_with_always_allow;
    return target;
}

bool Run::is_left_to_others(const eval::EvaluatedTarget& target) const {
    const auto& systems = session_.settings().systems;
    auto fits = [&target](const std::string& pattern) { return glob_match(pattern, target.system); };
    return !systems.empty() && std::none_of(systems.begin(), systems.end(), fits);
}

void Run::judge(report::RunReport& report) const {
    const auto& settings = session_.settings();
    VerdictRules rules{.fail_on = settings.fail_on,
                       .systems = settings.systems,
                       .require_all = settings.require_all,
                       .strict_trust = settings.strict_trust,
                       .plan_with_work_fails = settings.exit_code};
    Ending ending{.failures = failures_,
                  .signal = interrupted_,
                  .nobody_builds = session_.machines().remote_slots == 0 ? why_nothing_is_built_ : std::string()};
    auto verdict = fill::verdict(report, rules, ending);
    report.exit_code = static_cast<int>(verdict.code);
    report.causes = std::move(verdict.causes);
    std::move(verdict.excused.begin(), verdict.excused.end(), std::back_inserter(report.messages));
}

} // namespace cachefill::fill
