#include "fill/vanished.hpp"

#include "async/limiter.hpp"
#include "async/together.hpp"
#include "cache/nar_look.hpp"

#include <optional>
#include <set>

namespace cachefill::fill {

using async::Task;

namespace {

constexpr std::size_t requests_at_once = 16;

struct Look {
    cache::BinaryCache& cache;
    async::Limiter requests;
    Vanished hidden;
    std::optional<Failure> failure;
};

Task<void> look_at(Look& look, nix::StorePath path) {
    auto permit = co_await look.requests.acquire();
    if (look.failure) co_return;
    auto asked = path;
    auto found = co_await look.cache.get_narinfo(std::move(asked));
    bool makes_no_sense = !found && found.error().kind() == FailureKind::protocol;
    if (!found && !makes_no_sense) {
        look.failure = std::move(found).error();
        co_return;
    }
    bool is_shown = !makes_no_sense && *found;
    if (is_shown) {
        auto archive = co_await look.cache.look_at_nar(std::move(**found));
        if (!archive) look.failure = std::move(archive).error();
        is_shown = archive && archive->state == cache::NarState::there;
    }
    if (!is_shown) look.hidden.emplace(std::move(path), makes_no_sense ? found.error().one_line() : "");
}

Task<Result<Vanished>> find_hidden(const VanishedLook& at, std::set<nix::StorePath> paths) {
    Vanished hidden;
    if (at.info.has_bulk_query) {
        std::vector<nix::StorePath> all(paths.begin(), paths.end());
        auto missing = co_await at.cache.query_missing(std::move(all));
        bool makes_sense = missing || missing.error().kind() != FailureKind::protocol;
        if (!missing && makes_sense) co_return std::move(missing).error();
        if (missing)
            for (const auto& path : *missing) {
                hidden.emplace(path, "");
                paths.erase(path);
            }
        if (missing && at.info.bulk_query_sees_archives) co_return hidden;
    } // what makes no sense to this question may make some to smaller ones
    Look look{
        .cache = at.cache, .requests = async::Limiter(at.executor, requests_at_once), .hidden = {}, .failure = {}};
    auto look_at_all = [&](async::TaskGroup& group) {
        for (const auto& path : paths) group.spawn(look_at(look, path));
    };
    co_await async::together(look_at_all);
    if (look.failure) co_return std::move(*look.failure);
    hidden.merge(look.hidden);
    co_return hidden;
}

} // namespace

bool is_claimed(const push::PushRecord& record) {
    bool was_on_its_way = record.start.has_value();
    return record.outcome == event::PushOutcome::published ||
           (record.outcome == event::PushOutcome::already_there && was_on_its_way);
}

std::vector<nix::StorePath> claimed(const push::Ledger& ledger) {
    std::vector<nix::StorePath> paths;
    for (const auto& [path, record] : ledger)
        if (is_claimed(record)) paths.push_back(path);
    return paths;
}

std::string why_vanished(const push::PushRecord& record, const std::string& instead) {
    auto why = record.outcome == event::PushOutcome::published
                   ? "the cache took it and does not show it, so nobody can fetch it"
                   : "the cache says that it is there and shows no narinfo of it, so nobody can fetch it";
    return instead.empty() ? why : why + (": " + instead);
}

Task<Result<Vanished>> find_vanished(VanishedLook at, std::vector<nix::StorePath> claimed) {
    std::set<nix::StorePath> paths(claimed.begin(), claimed.end());
    Vanished hidden;
    for (const auto& path : paths) hidden.emplace(path, "");
    auto start = at.since.value_or(at.clock.now());
    while (!hidden.empty() && !at.is_over()) {
        CO_TRY(still_hidden, co_await find_hidden(at, paths));
        hidden = std::move(still_hidden);
        paths.clear();
        bool is_nonsense = true;
        for (const auto& [path, instead] : hidden) {
            paths.insert(path);
            is_nonsense &= !instead.empty();
        }
        auto patience = is_nonsense ? patience_with_nonsense : patience_with_new_paths;
        if (hidden.empty() || at.clock.now() > start + patience) break;
        async::Nap nap(at.executor);
        co_await at.clock.sleep_until(nap, at.clock.now() + pause_between_looks);
    }
    co_return hidden;
}

} // namespace cachefill::fill
