// How the judge asks about one path: one cache after another, and all at once when one of them keeps it waiting.
#include "async/together.hpp"
#include "base/text.hpp"
#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "event/event.hpp"
#include "plan/availability.hpp"
#include "presence/judge.hpp"
#include "presence/judge_round.hpp"
#include "presence/source.hpp"

#include <algorithm>

namespace cachefill::presence {

using async::Task;
using plan::CacheMask;
using plan::PathId;

// The questions about one path.
struct Judge::Walk {
    Walk(async::Executor executor, PathId about, CacheMask among) : group(executor), path(about), caches(among) {}
    async::TaskGroup group;
    PathId path;
    CacheMask caches;
    CacheMask begun = 0; // by number
};

// One question to one cache, and what it means.
Task<void> Judge::ask_one(Walk& walk, std::size_t number) {
    auto id = walk.path;
    auto path = graph_.path(id);
    auto& source = *members_[number].source;
    auto permit = co_await requests_.acquire();
    // Whoever waits for a cache that is away must not keep the others from asking theirs, and need not wait for one
    // after another: without a network that would be the sum of all patience.
    Source::OnWait on_wait = [this, &permit, &walk] {
        permit.release();
        ask_at_once(walk);
    };
    auto found = co_await source.get_narinfo(path, &on_wait);
    permit.release();
    auto& facts = facts_.of(id);
    if (!found && (doubts_nonsense_ || found.error().kind() != FailureKind::protocol)) {
        note_unasked(number, path, found.error());
        (source.counts_as_empty() ? facts.asked : facts.unknown) |= plan::bit(number);
        co_return;
    }
    facts.asked |= plan::bit(number);
    if (number == plan::own_cache && found) own_nonsense_.erase(id);
    if (number == plan::own_cache && !found) own_nonsense_.insert(id);
    if (!found)
        warn(found.error().one_line(), "it counts as absent");
    else if (!*found)
        refused_.erase({number, id}); // it was removed
    else if (auto present = judge(id, number, **found)) {
        record(id, present, **found);
        if (keeps_own_narinfos_ && number == plan::own_cache) own_narinfos_.insert_or_assign(id, **found);
    }
}

// Is it to be asked, and not under way? What it claims to lack is known without.
bool Judge::is_next(Walk& walk, std::size_t number) {
    auto& facts = facts_.of(walk.path);
    auto bit = plan::bit(number);
    if (!(walk.caches & bit) || ((walk.begun | facts.asked | facts.unknown) & bit)) return false;
    if (number == plan::own_cache && facts.claimed_missing) {
        facts.asked |= bit;
        return false;
    }
    walk.begun |= bit;
    return true;
}

void Judge::ask_at_once(Walk& walk) {
    if (facts_.of(walk.path).present & walk.caches) return;
    for (std::size_t number = 0; number < members_.size(); ++number)
        if (is_next(walk, number)) walk.group.spawn(ask_one(walk, number));
}

Task<void> Judge::ask_in_turn(Walk& walk, const Round& round) {
    bool only_own = !(walk.caches & plan::every_cache & ~plan::bit(plan::own_cache));
    for (std::size_t number = 0; number < members_.size(); ++number) {
        if (!only_own && is_outdated(round)) co_return;
        if (facts_.of(walk.path).present & walk.caches) co_return;
        if (is_next(walk, number)) co_await ask_one(walk, number);
    }
}

Task<void> Judge::ask_remote(PathId id, CacheMask caches, Round& round) {
    struct Asking {
        std::map<PathId, int>& all;
        PathId id;
        Asking(std::map<PathId, int>& asking, PathId path) : all(asking), id(path) { ++all[id]; }
        ~Asking() {
            if (--all[id] == 0) all.erase(id);
        }
    } asking(asking_, id);
    // It was forgotten while it was on its way up, and then published: only a narinfo tells what it refers to.
    if (auto& facts = facts_.of(id); facts.present && !facts.references_known) {
        facts.asked &= ~facts.present;
        facts.present = 0;
    }
    Walk walk(executor_, id, caches);
    auto ask = [&](async::TaskGroup& group) { group.spawn(ask_in_turn(walk, round)); };
    co_await async::together(walk.group, ask);
    bool only_own = !(caches & plan::every_cache & ~plan::bit(plan::own_cache));
    if (!only_own && is_outdated(round)) co_return;
    if (++asked_ % 1000 == 0) {
        event::QueryProgress progress{.asked = asked_, .requests = 0};
        sink_.on_event(progress);
    }
    if (!(facts_.of(id).present & caches)) co_return;
    auto references = facts_.of(id).references;
    for (auto reference : references) {
        if (!plan::unasked(facts_.of(reference), caches) || facts_.of(reference).present & caches) continue;
        if (!round.taken.insert(reference).second) continue;
        round.group.spawn(ask_remote(reference, caches, round));
    }
}

// One cache, and the others beside it when it keeps us waiting, as ask_one() does.
Task<Result<void>> Judge::reach(std::size_t number, CacheMask caches) {
    if (members_[number].source->standing() == Source::Standing::open) co_return Result<void>();
    std::optional<Failure> failure;
    async::TaskGroup* group = nullptr; // once it is there
    CacheMask begun = plan::bit(number);
    auto reach_beside = [](Source& source) -> Task<void> {
        [[maybe_unused]] auto known = co_await source.reach(); // it keeps what it learns
    };
    Source::OnWait on_wait = [&] {
        for (std::size_t other = 0; other < members_.size(); ++other) {
            if (!(caches & ~begun & plan::bit(other))) continue;
            begun |= plan::bit(other);
            group->spawn(reach_beside(*members_[other].source));
        }
    };
    auto reach_it = [](Source& source, const Source::OnWait& then, std::optional<Failure>& out) -> Task<void> {
        auto reached = co_await source.reach(&then);
        if (!reached) out = std::move(reached).error();
    };
    auto start = [&](async::TaskGroup& all) {
        group = &all;
        all.spawn(reach_it(*members_[number].source, on_wait, failure));
    };
    co_await async::together(start);
    if (failure) co_return std::move(*failure);
    co_return Result<void>();
}

// Once, when the last of several caches in the network has been asked and none has ever answered. The own cache of
// whoever fills one has, unless it needs no network.
void Judge::note_offline() {
    if (is_offline_told_ || patience_.offline) return;
    std::vector<std::string> silent;
    for (const auto& member : members_) {
        const auto& source = *member.source;
        if (source.backend().uri().scheme == cache::Scheme::file) continue;
        bool was_asked_in_vain = !source.has_answered() && source.trouble() && is_no_answer(*source.trouble());
        if (!was_asked_in_vain) return;
        silent.push_back(redact_url(member.url));
    }
    if (silent.size() < 2) return; // one alone may be what is away
    is_offline_told_ = true;
    event::Message message{.severity = event::Severity::notice,
                           .text = "offline, it seems: none of " + join(silent, ", ") + " can be reached",
                           .hint = "--offline takes what was never reached to have nothing, and waits for none of it"};
    sink_.on_event(message);
}

} // namespace cachefill::presence
