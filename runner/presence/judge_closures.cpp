// What the judge says of a path with all that it refers to.
#include "async/together.hpp"
#include "cache/nar_look.hpp"
#include "plan/availability.hpp"
#include "presence/judge.hpp"
#include "presence/judge_round.hpp"
#include "presence/source.hpp"
#include "presence/views.hpp"

#include <algorithm>

namespace cachefill::presence {

using async::Task;
using plan::CacheMask;
using plan::PathId;

Task<void> Judge::ask_whole(std::vector<PathId> paths, Counting counting) {
    for (;;) {
        auto counts = counting() & all();
        Round round(executor_, upstream_views_);
        std::vector<PathId> work = paths;
        std::set<PathId> seen(work.begin(), work.end());
        while (!work.empty()) {
            auto path = work.back();
            work.pop_back();
            const auto& facts = facts_.of(path);
            auto state = plan::presence(facts, counts);
            if (state == plan::Presence::open) round.taken.insert(path);
            if (state != plan::Presence::present) continue;
            for (auto reference : facts.references)
                if (seen.insert(reference).second) work.push_back(reference);
        }
        if (round.taken.empty()) co_return;
        auto open = round.taken;
        auto ask_all = [&](async::TaskGroup& group) {
            for (auto path : open) group.spawn(ask_remote(path, counts, round));
        };
        co_await async::together(round.group, ask_all);
    }
}

Judge::Below Judge::look_below(PathId path, CacheMask counting) {
    Below below;
    std::vector<PathId> open{path}, walked;
    std::set<PathId> seen{path};
    while (!open.empty()) {
        auto current = open.back();
        open.pop_back();
        auto known = complete_under_.find(current);
        if (known != complete_under_.end() && (known->second & ~counting) == 0) continue;
        const auto& facts = facts_.of(current);
        walked.push_back(current);
        const auto own = plan::bit(plan::own_cache);
        const auto& own_info = info(plan::own_cache);
        bool claims = own_info.hides_incomplete_closures && own_info.has_bulk_query;
        bool is_unclaimed = claims && !facts.claimed_there && !facts.claimed_missing;
        if (is_unclaimed && !((facts.present | facts.unknown) & own)) {
            below.open.push_back(current);
            continue;
        }
        auto counting_here = counting_for(current, counting);
        switch (plan::presence(facts, counting_here)) {
        case plan::Presence::open:
            below.open.push_back(current);
            break;
        case plan::Presence::undecided:
            below.undecided = current;
            break;
        case plan::Presence::absent:
            return {.whole = false, .open = {}, .undecided = {}};
        case plan::Presence::present:
            for (auto reference : facts.references)
                if (seen.insert(reference).second) open.push_back(reference);
            break;
        }
    }
    if (below.open.empty() && !below.undecided)
        for (auto id : walked) complete_under_[id] = counting;
    return below;
}

CacheMask Judge::counting_for(PathId path, CacheMask counting) const {
    const auto& facts = facts_.of(path);
    bool unknown_there = info(plan::own_cache).hides_incomplete_closures && !facts.claimed_there;
    return unknown_there ? counting & plan::bit(plan::own_cache) : counting;
}

bool Judge::is_hidden(const nix::StorePath& path) const {
    auto id = graph_.find(path);
    if (!id || !info(plan::own_cache).hides_incomplete_closures) return false;
    const auto& facts = facts_.of(*id);
    return facts.claimed_there && !(facts.present & plan::bit(plan::own_cache));
}

Task<Result<bool>> Judge::is_served_by_now(nix::StorePath path, Counting counting) {
    auto& facts = facts_.of(graph_.intern(path));
    facts.asked &= ~plan::bit(plan::own_cache);
    facts.unknown &= ~plan::bit(plan::own_cache);
    co_return co_await is_served(std::move(path), std::move(counting));
}

Task<Result<bool>> Judge::is_served(nix::StorePath path, Counting counting) {
    auto id = graph_.intern(path);
    for (;;) {
        auto counts = counting() & all(); // a cache that does not exist is never asked: it would stay unknown for ever
        auto below = look_below(id, counts);
        if (!below.whole) co_return false;
        if (below.open.empty() && !below.undecided) co_return true;
        if (below.open.empty()) co_return why_undecided(*below.undecided, counts);
        auto unclaimed = below.open;
        CO_TRY_VOID(co_await ask_bulk(std::move(unclaimed)));
        Round round(executor_, upstream_views_);
        round.taken.insert(below.open.begin(), below.open.end());
        auto ask_all = [&](async::TaskGroup& group) {
            for (auto open : below.open) group.spawn(ask_remote(open, counts, round));
        };
        co_await async::together(round.group, ask_all);
    }
}

Task<Result<bool>> Judge::is_vouched_for(nix::PathInfo info, CacheMask counting) {
    auto id = graph_.intern(info.path);
    auto known = vouched_.find(id);
    if (known != vouched_.end() && known->second.counting == counting) co_return known->second.is_vouched_for;
    std::optional<Failure> unasked;
    bool is_vouched_for = false;
    for (std::size_t number = 0; number < members_.size() && !is_vouched_for; ++number) {
        if (!(counting & views_->all_of(number))) continue;
        auto found = co_await members_[number].source->get_narinfo(info.path);
        if (!found && found.error().kind() == FailureKind::protocol) continue; // it serves something else
        if (!found) unasked = std::move(found).error();
        is_vouched_for =
            found && *found && (*found)->nar_hash == info.nar_hash && (judge(id, number, **found) & counting) != 0;
    }
    if (unasked && !is_vouched_for) co_return std::move(*unasked);
    vouched_.insert_or_assign(id, Vouched{.counting = counting, .is_vouched_for = is_vouched_for});
    co_return is_vouched_for;
}

Failure Judge::why_undecided(PathId path, CacheMask counting) const {
    auto text = "whether " + graph_.path(path).to_string() + " is served cannot be known";
    for (const auto& known : unasked_) {
        if (!(facts_.of(path).unknown & counting & plan::bit(known.cache))) continue;
        return Failure(FailureKind::network,
                       text + ": " + members_[known.cache].url + " could not be asked: " + known.why.one_line())
            .with_hint("try again when it answers; upstreams.ignore leaves an upstream out for good");
    }
    return Failure(FailureKind::network, text);
}

} // namespace cachefill::presence
