#include "fill/run_account.hpp"

#include <algorithm>

namespace cachefill::fill {

namespace {

// What became of that which the target needs.
void count_work(report::TargetReport& target, const report::RunReport& report, const RunParts& parts) {
    for (const auto& build : report.builds) {
        if (std::find(build.targets.begin(), build.targets.end(), target.name) == build.targets.end()) continue;
        target.build_time += build.took;
        target.built += build.outcome == event::BuildOutcome::built;
        target.found += build.outcome == event::BuildOutcome::found;
        target.failed += event::is_failure(build.outcome);
        target.blocked += build.outcome == event::BuildOutcome::blocked;
        if (build.waits_for_upstream() && parts.run.is_filling()) target.waiting_for_upstream.push_back(build.name);
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
event::TargetVerdict planned_verdict(const TargetRecord& record, const RunParts& parts) {
    if (!record.planned || *record.planned >= parts.run.live.now().targets.size()) return event::TargetVerdict::unknown;
    switch (parts.run.live.now().targets[*record.planned].state) {
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

report::TargetReport describe(const TargetRecord& record, const report::RunReport& report, const RunParts& parts) {
    report::TargetReport target;
    target.name = record.ref.display();
    target.position = record.position;
    target.evaluation_start = record.start;
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
    target.evaluated_before = record.evaluated->evaluated_before;
    target.derivation = record.evaluated->derivation.to_string();
    if (parts.fleet.is_left_to_others(*record.evaluated)) {
        target.left_to_others = true;
        target.verdict = event::TargetVerdict::elsewhere;
        return target;
    }
    count_work(target, report, parts);
    if (record.planned) target.fetched = parts.run.live.fetched_for(*record.planned);
    target.built_by_all = record.built_by_all;
    target.changes = record.changes;
    if (record.host) { // else it was interrupted in between
        const auto& upstreams = parts.run.consumers->upstreams();
        target.trusted = record.was_verified ? record.verified.trusted : upstreams.trusts_own_cache(*record.host);
        if (!target.trusted) target.trust_advice = upstreams.advice_for_own_cache(*record.host);
        target.not_asked = upstreams.not_asked(*record.host);
    }
    if (!record.was_verified) {
        target.verdict = planned_verdict(record, parts);
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

} // namespace

void add_targets(report::RunReport& report, const RunParts& parts) {
    if (parts.run.ownership) return; // a shard knows nothing of whole targets
    for (const auto& record : parts.fleet.targets()) report.targets.push_back(describe(record, report, parts));
    for (const auto& finding : parts.fleet.check_findings()) {
        report::TargetReport checked;
        checked.name = "flake:" + finding.output;
        checked.verdict = event::TargetVerdict::not_evaluated;
        checked.evaluate_only = checked.is_check = true;
        checked.error = finding.failure.cause();
        checked.position = finding.position;
        report.targets.push_back(std::move(checked));
    }
}

} // namespace cachefill::fill
