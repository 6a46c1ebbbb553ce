// What holds for one target alone, or only for some who want it: content-addressed and impure derivations and builds by
// design that evaluation itself reads are not to be fetched by who evaluates it, although who is given its path can.
#include "base/text.hpp"
#include "cache/nar_look.hpp"
#include "fill/verification.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;

namespace {

constexpr std::size_t names_told = 5;

std::string listed(const std::vector<std::string>& names) {
    auto count = std::min(names.size(), names_told);
    auto text = join(std::vector<std::string>(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(count)), ", ");
    return names.size() > count ? text + " and " + counted(names.size() - count, "other") : text;
}

} // namespace

Task<void> Verification::look_at_plan() {
    co_await find_complete_alone();
    co_await find_by_path_only();
}

// What several hosts need is built or pushed if one of them does not trust who has it. The others can fetch it all the
// same.
Task<void> Verification::find_complete_alone() {
    run_.consumers->refresh_trust();
    auto common = run_.judge.all() & run_.live.trusted_by_all();
    auto archives = archive_look();
    auto look = last_look(archives);
    for (const auto& record : fleet_.targets()) {
        if (!record.planned || *record.planned >= run_.live.now().targets.size()) continue;
        const auto target = run_.live.targets()[*record.planned];
        auto state = run_.live.now().targets[*record.planned].state;
        if (state != plan::TargetState::incomplete || target.trusted_caches == common) continue;
        LastLook::Subject subject{.target = target, .host = *record.host};
        auto found = co_await look.look_at_narinfos(subject);
        if (found.missing.empty() && found.undecided == 0 && outputs_without_path(target).empty())
            run_.live.is_complete_after_all(*record.planned);
    }
}

Task<Result<void>> Verification::find_what_all_build(TargetRecord& record) {
    const auto target = run_.live.targets()[*record.planned];
    record.built_by_all.clear();
    for (const auto& read : target.read_by_evaluation) {
        const auto& derivation = run_.graph.derivation(read.derivation);
        if (!derivation.allow_substitutes) record.built_by_all.emplace_back(derivation.name());
    }
    auto by_design = record.built_by_all.size();
    if (by_design > 0)
        run_.say(event::Severity::warning,
                 "whoever evaluates " + target.name + " builds " + listed(record.built_by_all) +
                     " first (allowSubstitutes = false); who is given its path fetches all",
                 "a machine that must not build needs always-allow-substitutes = true, which Nix 2.19 and later know");
    presence::Judge::Counting counts = [this, host = *record.host] {
        return run_.consumers->upstreams().counting(host);
    };
    CO_TRY(untold, co_await run_.realisations.untold(target, std::move(counts)));
    if (!untold.empty())
        run_.say(event::Severity::warning,
                 "whoever evaluates " + target.name + " builds " + listed(untold) +
                     ": no cache tells where the output of that went; who is given its path fetches all",
                 run_.session.cache_info().keeps_realisations
                     ? "impure outputs are another each time; others are told once a run has built them"
                     : "this kind of cache keeps no realisations, which Nix needs for content-addressed derivations");
    record.built_by_all.insert(record.built_by_all.end(), untold.begin(), untold.end());
    record.by_path_only = !record.built_by_all.empty() || record.evaluated->unknown_reads > 0;
    co_return Result<void>();
}

Task<void> Verification::find_by_path_only() {
    for (auto& record : fleet_.targets()) {
        if (!record.planned || *record.planned >= run_.live.now().targets.size()) continue;
        if (run_.live.now().targets[*record.planned].state != plan::TargetState::complete) continue;
        auto found = co_await find_what_all_build(record);
        if (!found) run_.fail(std::move(found).error().with_context("asking where content-addressed outputs went"));
    }
}

// Outputs that were not built by this run and of which no cache tells: there is no path that anybody could be given.
std::vector<std::string> Verification::outputs_without_path(const plan::Target& target) const {
    std::vector<std::string> unknown;
    const auto& derivation = run_.graph.derivation(target.derivation);
    for (auto output : target.outputs) {
        if (derivation.outputs[output].path != plan::no_path) continue;
        const auto* record = run_.driver ? run_.driver->record(target.derivation) : nullptr;
        bool has_path =
            record && (record->outcome == event::BuildOutcome::built || record->outcome == event::BuildOutcome::found);
        if (!has_path) unknown.push_back(derivation.path.to_string() + "!" + derivation.outputs[output].name);
    }
    return unknown;
}

} // namespace cachefill::fill
