// What those who evaluate a host cannot fetch although those who are given its path can: content-addressed and impure
// derivations, and builds by design that evaluation itself reads.
#include "base/text.hpp"
#include "fill/run.hpp"

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

// Once everything is up: where outputs went that nobody could know before they were built.
Task<void> Run::keep_realisations() {
    if (!outlets_.are_open() || interrupted_) co_return;
    auto what_all_trust = [this] {
        refresh_trust();
        auto counting = presence_.all();
        for (const auto& target : live_.targets()) counting &= target.trusted_caches;
        return counting;
    };
    presence::Judge::Counting counts = what_all_trust;
    auto learnt = co_await realisations_.learn(std::move(counts), &session_.connection());
    if (!learnt) co_return fail(std::move(learnt).error().with_context("asking where content-addressed outputs went"));
    auto warn_if = [this](const auto& kept, const std::string& cache) {
        if (kept) return;
        say(event::Severity::warning,
            cache + " cannot be told where content-addressed outputs went: " + kept.error().one_line(),
            kept.error().hint());
    };
    auto kept = co_await realisations_.publish(presence_, what_all_trust(), session_.connection());
    warn_if(kept, "the cache");
    for (const auto& mirror : mirrors_) {
        auto mirrored =
            co_await mirror->keep_realisations(realisations_, presence_, what_all_trust(), session_.connection());
        warn_if(mirrored, "the further cache " + mirror->name());
    }
}

Task<Result<void>> Run::find_what_all_build(TargetRecord& record) {
    const auto target = live_.targets()[*record.planned];
    record.built_by_all.clear();
    for (const auto& read : target.read_by_evaluation) {
        const auto& derivation = graph_.derivation(read.derivation);
        if (!derivation.allow_substitutes) record.built_by_all.emplace_back(derivation.name());
    }
    auto by_design = record.built_by_all.size();
    if (by_design > 0)
        say(event::Severity::warning,
            "whoever evaluates " + target.name + " builds " + listed(record.built_by_all) +
                " first (allowSubstitutes = false); who is given its path fetches all",
            "a machine that must not build needs always-allow-substitutes = true, which Nix 2.19 and later know");
    presence::Judge::Counting counts = [this, host = record.host] { return upstreams_->counting(host); };
    CO_TRY(untold, co_await realisations_.untold(target, std::move(counts)));
    if (!untold.empty())
        say(event::Severity::warning,
            "whoever evaluates " + target.name + " builds " + listed(untold) +
                ": no cache tells where the output of that went; who is given its path fetches all",
            session_.cache_info().keeps_realisations
                ? "impure outputs are another each time; others are told once a run has built them"
                : "this kind of cache keeps no realisations, which Nix needs for content-addressed derivations");
    record.built_by_all.insert(record.built_by_all.end(), untold.begin(), untold.end());
    record.by_path_only = !record.built_by_all.empty() || record.evaluated->unknown_reads > 0;
    co_return Result<void>();
}

Task<void> Run::find_by_path_only() {
    for (auto& record : targets_) {
        if (!record.planned || *record.planned >= live_.now().targets.size()) continue;
        if (live_.now().targets[*record.planned].state != plan::TargetState::complete) continue;
        auto found = co_await find_what_all_build(record);
        if (!found) fail(std::move(found).error().with_context("asking where content-addressed outputs went"));
    }
}

// Outputs that were not built by this run and of which no cache tells: there is no path that anybody could be given.
std::vector<std::string> Run::outputs_without_path(const plan::Target& target) const {
    std::vector<std::string> unknown;
    const auto& derivation = graph_.derivation(target.derivation);
    for (auto output : target.outputs) {
        if (derivation.outputs[output].path != plan::no_path) continue;
        const auto* record = driver_ ? driver_->record(target.derivation) : nullptr;
        bool has_path =
            record && (record->outcome == event::BuildOutcome::built || record->outcome == event::BuildOutcome::found);
        if (!has_path) unknown.push_back(derivation.path.to_string() + "!" + derivation.outputs[output].name);
    }
    return unknown;
}

} // namespace cachefill::fill
