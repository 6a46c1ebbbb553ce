// Whether what the cache shows can be fetched from it (design stage 10).
#include "fill/archives.hpp"
#include "fill/run.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;

namespace {

// Two small questions each, of those that nobody else serves: enough to find an upstream that has lost archives, and
// few beside what evaluating and asking about a host takes. --deep looks at all.
constexpr std::size_t most_looks_at_an_upstream = 256;

} // namespace

// Of all that the targets need the part that the cache itself serves. Cachix shows no narinfo without its archive, and
// looking at one counts there as having fetched it: of such a cache it is what this run published, unless every byte is
// wanted.
std::vector<plan::PathId> Run::paths_to_check() {
    std::set<plan::PathId> paths;
    for (const auto& [path, record] : outlets_.ledger())
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
    if (outlets_.are_open() && !interrupted_)
        co_await put_back(session_, cache, unusable, push_settings(), push_environment(), session_.sink());
    for (auto& message : describe_unusable(unusable, cache.uri())) session_.sink().on_event(message);
    co_return unusable;
}

// Of all that the targets need the part that no other cache is known to serve; evenly chosen where it is much.
std::vector<plan::PathId> Run::paths_only_in(std::size_t upstream) const {
    auto its = presence_.views().all_of(upstream);
    std::set<plan::PathId> paths;
    for (const auto& target : plan_targets_)
        for (auto path : closure_of(target))
            if (auto present = facts_.of(path).present; (present & its) && !(present & ~its)) paths.insert(path);
    std::vector<plan::PathId> all(paths.begin(), paths.end());
    if (session_.settings().deep || all.size() <= most_looks_at_an_upstream) return all;
    std::vector<plan::PathId> chosen;
    for (std::size_t i = 0; i < most_looks_at_an_upstream; ++i)
        chosen.push_back(all[i * all.size() / most_looks_at_an_upstream]);
    return chosen;
}

// What is counted on in an upstream was not built and not pushed. If its archive is gone there, nobody gets it. An
// upstream that looks after that itself is believed.
Task<void> Run::find_unusable_upstream(UnusableByCache& unusable) {
    for (std::size_t number = plan::own_cache + 1; number < presence_.size() && !interrupted_; ++number) {
        if (presence_.is_out(number) || presence_.info(number).hides_incomplete_closures) continue;
        auto paths = paths_only_in(number);
        if (paths.empty()) continue;
        auto infos = co_await presence_.narinfos(number, std::move(paths));
        Result<presence::NarFindings> found = presence::NarFindings();
        if (infos)
            found = co_await presence::check_nars(session_.executor(), presence_.backend(number), std::move(*infos),
                                                  presence::Depth::looking, session_.nix().nix_version);
        if (!infos || !found) {
            const auto& why = infos ? found.error() : infos.error();
            say(event::Severity::notice, "whether the archives of upstream " + presence_.url(number) +
                                             " are there cannot be told: " + why.one_line());
            continue;
        }
        if (found->unusable.empty()) continue;
        for (auto& message : describe_unusable_upstream(found->unusable, presence_.url(number)))
            session_.sink().on_event(message);
        unusable.emplace(number, std::move(found->unusable));
    }
}

// Of those the ones that keep this target from being fetched: what another cache serves that it trusts, Nix takes from
// there when the first one fails.
Task<std::vector<nix::StorePath>>
Run::missing_for(const plan::Target& target, const std::vector<presence::UnusableNar>& unusable, std::size_t cache) {
    std::vector<nix::StorePath> missing;
    auto closure = closure_of(target);
    auto others = [&] { return target.trusted_caches & ~presence_.views().all_of(cache); };
    plan::Questions questions;
    for (const auto& nar : unusable)
        if (auto id = graph_.find(nar.info.path); id && closure.contains(*id))
            questions.remote.push_back({*id, others()});
    auto asked = questions.remote;
    if (asked.empty()) co_return missing;
    auto answered = co_await presence_.answer(std::move(questions), nullptr);
    refresh_trust(); // by what the answers show, too
    for (const auto& question : asked)
        if (!answered || !(facts_.of(question.path).present & others())) missing.push_back(graph_.path(question.path));
    co_return missing;
}

} // namespace cachefill::fill
