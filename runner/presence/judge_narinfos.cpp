// What the own cache, or another one, says of paths word for word.
#include "async/together.hpp"
#include "presence/judge.hpp"
#include "presence/source.hpp"

#include <algorithm>
#include <iterator>

namespace cachefill::presence {

using async::Task;
using plan::PathId;

Task<Result<std::vector<nix::NarInfo>>> Judge::own_narinfos(std::vector<PathId> paths) {
    std::vector<nix::NarInfo> infos;
    std::erase_if(paths, [&](PathId path) {
        auto kept = own_narinfos_.find(path);
        if (kept == own_narinfos_.end()) return false;
        infos.push_back(kept->second);
        return true;
    });
    CO_TRY(others, co_await narinfos(plan::own_cache, std::move(paths)));
    std::move(others.begin(), others.end(), std::back_inserter(infos));
    co_return infos;
}

Task<void> Judge::get_narinfo_into(std::size_t cache, nix::StorePath path, std::vector<nix::NarInfo>& infos,
                                   std::optional<Failure>& failure) {
    auto& source = *members_[cache].source;
    auto permit = co_await requests_.acquire();
    if (failure) co_return;
    auto found = co_await source.get_narinfo(std::move(path));
    if (!found) {
        if (!failure) failure = std::move(found).error();
    } else if (*found) {
        infos.push_back(std::move(**found));
    }
}

Task<Result<std::vector<nix::NarInfo>>> Judge::narinfos(std::size_t cache, std::vector<PathId> paths) {
    std::vector<nix::NarInfo> infos;
    std::optional<Failure> failure;
    auto get_all = [&](async::TaskGroup& group) {
        for (auto path : paths) group.spawn(get_narinfo_into(cache, graph_.path(path), infos, failure));
    };
    co_await async::together(get_all);
    if (failure) co_return std::move(*failure);
    co_return infos;
}

} // namespace cachefill::presence
