#include "presence/closure_reader.hpp"

#include "base/text.hpp"
#include "daemon/connection.hpp"

#include <algorithm>
#include <iterator>
#include <set>

namespace cachefill::presence {

using async::Task;
using plan::PathId;

void ClosureReader::drop_known(std::vector<PathId>& paths) const {
    std::erase_if(paths, [this](PathId path) { return known_.contains(path); });
}

void ClosureReader::take(PathId path, const std::vector<nix::StorePath>& references, std::uint64_t nar_size,
                         std::size_t cache) {
    Known known{.references = {}, .nar_size = nar_size};
    for (const auto& reference : references) {
        known.references.push_back(graph_.intern(reference));
        if (cache != plan::own_cache) likely_in_.emplace(known.references.back(), cache);
    }
    known_.emplace(path, std::move(known));
}

Task<Result<void>> ClosureReader::look_in_store(std::vector<PathId>& unknown, daemon::Connection& store) {
    std::vector<nix::StorePath> paths;
    for (auto path : unknown) paths.push_back(graph_.path(path));
    CO_TRY(infos, co_await store.query_path_infos(std::move(paths)));
    for (const auto& info : infos)
        if (info) take(graph_.intern(info->path), info->references, info->nar_size, plan::own_cache);
    drop_known(unknown);
    co_return Result<void>();
}

// `likely`: only what is most likely there, or only what is not.
Task<Result<void>> ClosureReader::look_in_cache(std::vector<PathId>& unknown, std::size_t cache, bool likely) {
    std::vector<PathId> asked;
    std::copy_if(unknown.begin(), unknown.end(), std::back_inserter(asked), [&](PathId path) {
        auto place = likely_in_.find(path);
        return (place != likely_in_.end() && place->second == cache) == likely;
    });
    if (asked.empty()) co_return Result<void>();
    if (asked.size() > questions_left_)
        co_return Failure(FailureKind::timeout, "more narinfos would have to be asked for than it is worth");
    questions_left_ -= asked.size();
    CO_TRY(infos, co_await judge_.narinfos(cache, std::move(asked)));
    for (const auto& info : infos) take(graph_.intern(info.path), info.references, info.nar_size, cache);
    drop_known(unknown);
    co_return Result<void>();
}

Task<Result<void>> ClosureReader::learn(std::vector<PathId> paths, plan::CacheMask caches, daemon::Connection& store) {
    drop_known(paths);
    for (auto path : paths)
        if (const auto& facts = facts_.of(path); facts.references_known)
            known_.emplace(path, Known{.references = facts.references, .nar_size = facts.nar_size});
    drop_known(paths);
    if (!paths.empty()) CO_TRY_VOID(co_await look_in_store(paths, store));
    for (bool likely : {true, false})
        for (std::size_t cache = 0; cache < judge_.size(); ++cache)
            if ((caches & plan::bit(cache)) && !judge_.is_out(cache))
                CO_TRY_VOID(co_await look_in_cache(paths, cache, likely));
    if (!paths.empty())
        co_return Failure(FailureKind::not_found,
                          "no cache that could be asked has " + graph_.path(paths.front()).to_string());
    co_return Result<void>();
}

Task<Result<std::vector<ClosureReader::Member>>> ClosureReader::read(nix::StorePath top, plan::CacheMask caches,
                                                                     daemon::Connection& store) {
    std::vector<Member> found;
    std::vector<PathId> level{graph_.intern(top)};
    std::set<PathId> seen(level.begin(), level.end());
    while (!level.empty()) {
        CO_TRY_VOID(co_await learn(level, caches, store));
        std::vector<PathId> next;
        for (auto path : level) {
            const auto& known = known_.at(path);
            found.push_back({graph_.path(path), known.nar_size});
            for (auto reference : known.references)
                if (seen.insert(reference).second) next.push_back(reference);
        }
        level = std::move(next);
    }
    co_return found;
}

} // namespace cachefill::presence
