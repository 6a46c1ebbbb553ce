#include "fill/archive_look.hpp"

#include "base/text.hpp"
#include "cache/cache_uri.hpp"
#include "cache/nar_look.hpp"
#include "fill/archives.hpp"
#include "plan/needs.hpp"
#include "presence/views.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;

namespace {

// Two small questions each, of those that nobody else serves: enough to find an upstream that has lost archives, and
// few beside what evaluating and asking about a host takes. Of one that has lost some as many more are looked at, until
// all were or the last ones are sound.
constexpr std::size_t most_looks_at_an_upstream = 256;

} // namespace

ArchiveLook::ArchiveLook(async::Executor executor, presence::Judge& judge, plan::Graph& graph, const plan::Facts& facts,
                         Rules rules, Tell tell)
    : executor_(executor), judge_(judge), graph_(graph), facts_(facts), rules_(std::move(rules)),
      tell_(std::move(tell)) {}

void ArchiveLook::give_up(std::size_t cache, const std::vector<presence::UnusableNar>& unusable) {
    for (const auto& nar : unusable) {
        auto id = graph_.intern(nar.info.path);
        judge_.note_unusable(id, cache);
        given_up_.insert(id);
    }
}

Task<Result<bool>> ArchiveLook::look_at_own(const Paths& paths) {
    bool is_hiding = judge_.info(plan::own_cache).hides_incomplete_closures && !rules_.at_hiding_caches;
    std::vector<plan::PathId> served;
    for (auto path : paths)
        if ((facts_.of(path).present & plan::bit(plan::own_cache)) && (!is_hiding || always_.contains(path)) &&
            seen_.insert({plan::own_cache, path}).second)
            served.push_back(path);
    auto& cache = judge_.backend(plan::own_cache);
    CO_TRY(infos, co_await judge_.own_narinfos(std::move(served)));
    auto depth = rules_.deep ? presence::Depth::downloading : presence::Depth::looking;
    auto version = rules_.nix_version;
    CO_TRY(found, co_await presence::check_nars(executor_, cache, std::move(infos), depth, std::move(version)));
    for (const auto& message : describe_remarks(found)) tell_(message);
    if (mend_ && !found.unusable.empty()) co_await mend_(found.unusable);
    for (const auto& message : describe_unusable(found.unusable, cache.uri())) tell_(message);
    give_up(plan::own_cache, found.unusable);
    co_return !found.unusable.empty();
}

// What no other cache that counts is known to serve; evenly chosen where it is much.
std::vector<plan::PathId> ArchiveLook::only_in(std::size_t upstream, const Paths& paths,
                                               plan::CacheMask counting) const {
    auto its = judge_.views().all_of(upstream);
    std::vector<plan::PathId> all, chosen;
    for (auto path : paths) {
        auto present = facts_.of(path).present & counting;
        if (!(present & its) || (present & ~its) || seen_.contains({upstream, path})) continue;
        (given_up_.contains(path) ? chosen : all).push_back(path);
    }
    if (sound_.contains({upstream, counting})) return chosen;
    auto most = rules_.deep ? all.size() : std::min(all.size(), most_looks_at_an_upstream);
    for (std::size_t i = 0; i < most; ++i) chosen.push_back(all[i * all.size() / most]);
    return chosen;
}

// What is counted on in an upstream was not built and not pushed. If its archive is gone there, nobody gets it. An
// upstream that looks after that itself is believed.
Task<bool> ArchiveLook::look_at_upstream(std::size_t upstream, const Paths& paths, plan::CacheMask counting) {
    if (judge_.is_out(upstream) || judge_.info(upstream).hides_incomplete_closures) co_return false;
    auto chosen = only_in(upstream, paths, counting);
    if (chosen.empty()) co_return false;
    for (auto path : chosen) seen_.insert({upstream, path});
    auto infos = co_await judge_.narinfos(upstream, std::move(chosen));
    Result<presence::NarFindings> found = presence::NarFindings();
    auto version = rules_.nix_version;
    if (infos)
        found = co_await presence::check_nars(executor_, judge_.backend(upstream), std::move(*infos),
                                              presence::Depth::looking, std::move(version));
    if (!infos || !found) {
        const auto& why = infos ? found.error() : infos.error();
        tell_({.severity = event::Severity::notice,
               .text = "whether the archives of upstream " + judge_.url(upstream) +
                       " are there cannot be told: " + why.one_line(),
               .hint = {}});
        co_return false;
    }
    for (const auto& message : describe_unusable_upstream(found->unusable, judge_.url(upstream))) tell_(message);
    give_up(upstream, found->unusable);
    if (found->unusable.empty()) sound_.insert({upstream, counting});
    co_return !found->unusable.empty();
}

Task<Result<bool>> ArchiveLook::look(std::vector<Wanted> wanted) {
    bool has_changed = false;
    for (auto& one : wanted) {
        const auto paths = plan::closure(facts_, std::move(one.tops));
        CO_TRY(is_less, co_await look_at_own(paths));
        has_changed |= is_less;
        for (std::size_t number = plan::own_cache + 1; number < judge_.size(); ++number)
            has_changed |= co_await look_at_upstream(number, paths, one.counting);
    }
    co_return has_changed;
}

} // namespace cachefill::fill
