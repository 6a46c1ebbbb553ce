#include "fill/run_account.hpp"
#include "session/machines.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace cachefill::fill {

namespace {

report::BuildReport report_of(const plan::GraphDerivation& derivation) {
    report::BuildReport build;
    build.derivation = derivation.path.to_string();
    build.name = std::string(derivation.name());
    build.kind = std::string(plan::to_string(derivation.kind));
    return build;
}

void block(report::BuildReport& build, const plan::GraphDerivation& by) {
    build.blocked_by = std::string(by.name());
    build.blocked_by_derivation = by.path.to_string();
}

// What no machine here can build, and what that blocks. The driver never hears of them.
void add_unbuildable(report::RunReport& report, const RunParts& parts) {
    auto begin = [&parts](plan::DerivationId id, event::BuildOutcome outcome) {
        auto build = report_of(parts.run.graph.derivation(id));
        build.outcome = outcome;
        return build;
    };
    const auto& machines = parts.run.session.machines().abilities;
    for (auto id : parts.run.live.now().elsewhere) {
        auto build = begin(id, event::BuildOutcome::elsewhere);
        build.error = "it takes " + plan::BuildAbility::wanted(parts.run.graph.derivation(id), machines);
        for (std::size_t i = 0; i < parts.run.live.now().targets.size(); ++i) {
            const auto& ids = parts.run.live.now().targets[i].elsewhere;
            if (std::find(ids.begin(), ids.end(), id) != ids.end())
                build.targets.push_back(parts.run.live.targets()[i].name);
        }
        report.builds.push_back(std::move(build));
    }
    for (const auto& blocked : parts.run.live.now().blocked) {
        auto build = begin(blocked.derivation, event::BuildOutcome::blocked);
        if (blocked.by) block(build, parts.run.graph.derivation(*blocked.by));
        for (auto target : blocked.targets) build.targets.push_back(parts.run.live.targets()[target].name);
        report.builds.push_back(std::move(build));
    }
}

// For `plan`: what would be built and pushed.
void add_planned(report::RunReport& report, const RunParts& parts) {
    std::map<plan::DerivationId, plan::DerivationId> blocked_by; // what Nix refuses blocks what needs it
    for (const auto& planned : parts.run.live.now().builds) {
        const auto& derivation = parts.run.graph.derivation(planned.derivation);
        auto build = report_of(derivation);
        build.targets = parts.run.live.targets_of(planned.derivation);
        if (!derivation.flaw.empty()) {
            build.outcome = event::BuildOutcome::refused;
            build.error = derivation.flaw;
            blocked_by.emplace(planned.derivation, planned.derivation);
        }
        for (auto before : planned.after)
            if (auto by = blocked_by.find(parts.run.live.now().builds[before].derivation); by != blocked_by.end())
                if (build.outcome == event::BuildOutcome::not_started) {
                    build.outcome = event::BuildOutcome::blocked;
                    block(build, parts.run.graph.derivation(by->second));
                    blocked_by.emplace(planned.derivation, by->second);
                }
        if (build.outcome == event::BuildOutcome::not_started && planned.expected.measured)
            build.expected = planned.expected.time;
        build.deferred = parts.run.live.why_last(planned.derivation);
        for (const auto& output : derivation.outputs)
            if (output.path != plan::no_path) build.outputs.push_back(parts.run.graph.path(output.path).to_string());
        report.builds.push_back(std::move(build));
    }
    for (const auto& [path, record] : parts.pushes.planned()) {
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

// What became of each build and each fetch for it.
void add_done(report::RunReport& report, const RunParts& parts) {
    for (const auto& [id, record] : parts.run.driver->records()) {
        auto build = report_of(parts.run.graph.derivation(id));
        build.outcome = record.outcome;
        build.start = parts.run.since_start(record.start);
        build.took = record.took;
        for (const auto& output : record.outputs) build.outputs.push_back(output.to_string());
        build.targets = parts.run.live.targets_of(id);
        build.builder = record.builder;
        build.log_tail = record.log_tail;
        build.error = record.error;
        build.waits_for = record.waits_for;
        build.disk_was_full = record.disk_was_full;
        build.failed_elsewhere = record.failed_elsewhere;
        build.builder_failed = record.builder_failed;
        if (record.blocked_by) block(build, parts.run.graph.derivation(*record.blocked_by));
        build.deferred = parts.run.live.why_last(id);
        report.builds.push_back(std::move(build));
    }
    for (const auto& fetch : parts.run.driver->fetches())
        report.fetches.push_back({.path = parts.run.graph.path(fetch.path).to_string(),
                                  .start = *parts.run.since_start(fetch.start),
                                  .took = fetch.took,
                                  .error = fetch.error});
}

// Which of the fetches brought what which of the builds are made from; one that was tried again stands there more than
// once.
using Users = std::unordered_map<plan::DerivationId, report::BuildReport*>;
void add_users_of_fetches(report::RunReport& report, const plan::Graph& graph, const Users& builds) {
    std::unordered_map<plan::PathId, std::vector<report::FetchReport*>> fetches;
    for (auto& fetch : report.fetches)
        if (auto path = nix::StorePath::parse(fetch.path))
            if (auto id = graph.find(*path)) fetches[*id].push_back(&fetch);
    for (const auto& [id, build] : builds) {
        auto add = [&](plan::PathId path) {
            auto brought = fetches.find(path);
            if (brought == fetches.end()) return;
            for (auto* fetch : brought->second) fetch->needed_by.push_back(build->derivation);
        };
        const auto& derivation = graph.derivation(id);
        for (auto source : derivation.sources) add(source);
        for (const auto& input : derivation.inputs)
            for (auto output : input.outputs)
                if (auto path = graph.derivation(input.derivation).outputs[output].path; path != plan::no_path)
                    add(path);
    }
    for (auto& fetch : report.fetches) std::sort(fetch.needed_by.begin(), fetch.needed_by.end());
}

// Which of the builds are made from which others, and from what was fetched.
void add_needs(report::RunReport& report, const plan::Graph& graph) {
    Users builds;
    for (auto& build : report.builds)
        if (auto path = nix::StorePath::parse(build.derivation))
            if (auto id = graph.find_derivation(*path)) builds.emplace(*id, &build);
    for (const auto& [id, build] : builds)
        for (const auto& input : graph.derivation(id).inputs)
            if (auto needed = builds.find(input.derivation); needed != builds.end())
                build->needs.push_back(needed->second->derivation);
    add_users_of_fetches(report, graph, builds);
}

} // namespace

void add_builds(report::RunReport& report, const RunParts& parts) {
    if (parts.run.driver)
        add_done(report, parts);
    else
        add_planned(report, parts);
    add_unbuildable(report, parts);
    add_needs(report, parts.run.graph);
}

} // namespace cachefill::fill
