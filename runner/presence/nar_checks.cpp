#include "presence/nar_checks.hpp"

#include "async/limiter.hpp"
#include "async/task_group.hpp"

#include <algorithm>
#include <optional>

namespace cachefill::presence {

using async::Task;

namespace {

constexpr std::uint64_t nars_checked_at_once = 16;

// One pass over many paths: what came of it.
struct Pass {
    Pass(async::Executor executor, cache::BinaryCache& c, bool d)
        : cache(c), deep(d), places(executor, nars_checked_at_once) {}
    cache::BinaryCache& cache;
    bool deep;
    async::Limiter places;
    std::vector<UnusableNar> unusable;
    std::optional<Failure> failure;
};

Task<Result<void>> look_at(cache::BinaryCache& cache, nix::NarInfo info, bool deep) {
    auto asked = info;
    CO_TRY(is_there, co_await cache.has_nar(std::move(asked)));
    if (!is_there) {
        auto size =
            info.file_size ? " with the " + std::to_string(*info.file_size) + " bytes that the narinfo states" : "";
        co_return Failure(FailureKind::protocol, "its archive is not served" + size);
    }
    if (deep) co_return co_await cache.check_nar(std::move(info));
    co_return Result<void>();
}

Task<void> check(Pass& pass, nix::StorePath path) {
    auto place = co_await pass.places.acquire();
    if (pass.failure) co_return;
    auto info = co_await pass.cache.get_narinfo(path);
    if (!info) {
        if (!pass.failure) pass.failure = std::move(info).error();
        co_return;
    }
    if (!*info) co_return;
    auto looked = co_await look_at(pass.cache, std::move(**info), pass.deep);
    if (looked) co_return;
    auto kind = looked.error().kind();
    if (kind == FailureKind::protocol || kind == FailureKind::not_found)
        pass.unusable.push_back({.path = std::move(path), .why = looked.error().one_line()});
    else if (!pass.failure)
        pass.failure = std::move(looked).error();
}

} // namespace

Task<Result<std::vector<UnusableNar>>> check_nars(async::Executor executor, cache::BinaryCache& cache,
                                                  std::vector<nix::StorePath> paths, bool deep) {
    Pass pass(executor, cache, deep);
    async::TaskGroup group(executor);
    for (auto& path : paths) group.spawn(check(pass, std::move(path)));
    co_await group.join();
    if (pass.failure) co_return std::move(*pass.failure);
    std::sort(pass.unusable.begin(), pass.unusable.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    co_return std::move(pass.unusable);
}

} // namespace cachefill::presence
