// Whether what the cache shows can be fetched from it (design stage 10).
#include "app/archives.hpp"
#include "app/run.hpp"

#include <algorithm>

namespace cachefill::app {

using async::Task;

// Of all that the targets need the part that the cache itself serves. Cachix shows no narinfo without its archive, and
// looking at one counts there as having fetched it: of such a cache it is what this run published, unless every byte is
// wanted.
std::vector<plan::PathId> Run::paths_to_check() {
    std::set<plan::PathId> paths;
    if (pipeline_)
        for (const auto& [path, record] : pipeline_->ledger())
            if (record.outcome == event::PushOutcome::published) paths.insert(graph_.intern(path));
    bool only_published =
        session_.cache_info().hides_incomplete_closures && (is_filling() || !session_.settings().deep);
    if (only_published) return {paths.begin(), paths.end()};
    for (const auto& target : plan_targets_)
        for (auto path : closure_of(target))
            if (facts_.of(path).present & plan::bit(plan::own_cache)) paths.insert(path);
    return {paths.begin(), paths.end()};
}

Task<Result<presence::NarFindings>> Run::check_archives() {
    auto depth = session_.settings().deep ? presence::Depth::downloading : presence::Depth::looking;
    CO_TRY(infos, co_await presence_.own_narinfos(paths_to_check()));
    co_return co_await presence::check_nars(session_.executor(), presence_.backend(plan::own_cache), std::move(infos),
                                            depth, session_.nix().nix_version);
}

Task<std::vector<presence::UnusableNar>> Run::find_unusable() {
    auto& cache = presence_.backend(plan::own_cache);
    auto found = co_await check_archives();
    if (!found) {
        fail(std::move(found).error().with_context("looking for the archives in the cache"));
        co_return std::vector<presence::UnusableNar>();
    }
    for (auto& message : describe_remarks(*found)) session_.sink().on_event(message);
    auto unusable = std::move(found->unusable);
    if (pipeline_ && !interrupted_)
        co_await put_back(session_.executor(), cache, session_.workers(), unusable, session_.nix().nix_version,
                          push_settings(), push_environment(), session_.sink());
    for (auto& message : describe_unusable(unusable, cache.uri())) session_.sink().on_event(message);
    co_return unusable;
}

// Of those the ones that keep this target from being fetched: what another cache serves that it trusts, Nix takes from
// there when the first one fails.
Task<std::vector<nix::StorePath>> Run::missing_for(const plan::Target& target,
                                                   const std::vector<presence::UnusableNar>& unusable) {
    std::vector<nix::StorePath> missing;
    auto closure = closure_of(target);
    auto others = target.trusted_caches & ~presence_.views().all_of(plan::own_cache);
    plan::Questions questions;
    for (const auto& nar : unusable)
        if (auto id = graph_.find(nar.info.path); id && closure.contains(*id))
            questions.remote.push_back({*id, others});
    auto asked = questions.remote;
    if (asked.empty()) co_return missing;
    auto answered = co_await presence_.answer(std::move(questions), nullptr);
    for (const auto& question : asked)
        if (!answered || !(facts_.of(question.path).present & others)) missing.push_back(graph_.path(question.path));
    co_return missing;
}

} // namespace cachefill::app
