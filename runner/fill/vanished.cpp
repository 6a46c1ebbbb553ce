#include "fill/vanished.hpp"

#include "async/limiter.hpp"
#include "async/together.hpp"
#include "cache/nar_look.hpp"

#include <optional>

namespace cachefill::fill {

using async::Task;

namespace {

constexpr std::size_t requests_at_once = 16;

struct Look {
    cache::BinaryCache& cache;
    async::Limiter requests;
    std::set<nix::StorePath> hidden;
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
    if (!is_shown) look.hidden.insert(std::move(path));
}

Task<Result<std::set<nix::StorePath>>> find_hidden(const VanishedLook& at, const std::set<nix::StorePath>& paths) {
    if (at.has_bulk_query) {
        std::vector<nix::StorePath> all(paths.begin(), paths.end());
        CO_TRY(missing, co_await at.cache.query_missing(std::move(all)));
        co_return std::set<nix::StorePath>(missing.begin(), missing.end());
    }
    Look look{
        .cache = at.cache, .requests = async::Limiter(at.executor, requests_at_once), .hidden = {}, .failure = {}};
    auto look_at_all = [&](async::TaskGroup& group) {
        for (const auto& path : paths) group.spawn(look_at(look, path));
    };
    co_await async::together(look_at_all);
    if (look.failure) co_return std::move(*look.failure);
    co_return std::move(look.hidden);
}

} // namespace

Task<Result<std::set<nix::StorePath>>> find_vanished(VanishedLook at, std::vector<nix::StorePath> published) {
    std::set<nix::StorePath> paths(published.begin(), published.end());
    auto give_up = at.clock.now() + patience_with_new_paths;
    while (!paths.empty() && !at.is_over()) {
        CO_TRY(hidden, co_await find_hidden(at, paths));
        paths = std::move(hidden);
        if (paths.empty() || at.clock.now() > give_up) break;
        async::Nap nap(at.executor);
        co_await at.clock.sleep_until(nap, at.clock.now() + pause_between_looks);
    }
    co_return paths;
}

} // namespace cachefill::fill
