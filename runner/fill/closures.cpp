#include "fill/closures.hpp"

#include "async/worker_pool.hpp"
#include "daemon/connection.hpp"
#include "desktop/built_for.hpp"

#include <algorithm>
#include <set>

namespace cachefill::fill {

using async::Task;

namespace {

constexpr std::size_t infos_at_once = 1000;

std::vector<nix::StorePath> take_some(std::vector<nix::StorePath>& all) {
    auto count = static_cast<std::ptrdiff_t>(std::min(all.size(), infos_at_once));
    std::vector<nix::StorePath> some(std::make_move_iterator(all.end() - count), std::make_move_iterator(all.end()));
    all.erase(all.end() - count, all.end());
    return some;
}

} // namespace

Task<Result<std::vector<nix::PathInfo>>> closure_of(daemon::Connection& connection, std::vector<nix::StorePath> open) {
    std::set<nix::StorePath> seen(open.begin(), open.end());
    std::vector<nix::PathInfo> all;
    while (!open.empty()) {
        auto asked = take_some(open);
        CO_TRY(infos, co_await connection.query_path_infos(std::move(asked)));
        for (auto& info : infos) {
            if (!info) continue;
            for (const auto& reference : info->references)
                if (seen.insert(reference).second) open.push_back(reference);
            all.push_back(std::move(*info));
        }
    }
    co_return all;
}

Task<Result<desktop::GenerationContents>> built_for_generation(session::Session& session,
                                                               daemon::Connection& connection,
                                                               nix::StorePath generation,
                                                               std::chrono::sys_seconds since) {
    std::vector<nix::StorePath> roots{generation};
    CO_TRY_VOID(co_await connection.add_temp_root(generation));
    CO_TRY(closure, co_await closure_of(connection, std::move(roots)));
    desktop::GenerationContents found;
    std::set<nix::StorePath> seen;
    std::optional<nix::StorePath> derivation;
    auto take = [&](const nix::PathInfo& info) {
        bool is_wanted = info.ultimate && info.registration_time >= since && !info.path.is_derivation();
        if ((is_wanted || info.path == generation) && seen.insert(info.path).second)
            found.paths.push_back({.path = info.path, .nar_size = info.nar_size});
    };
    for (const auto& info : closure) {
        take(info);
        if (info.path != generation) continue;
        derivation = info.deriver;
        found.registered = info.registration_time;
    }
    if (!derivation || found.paths.empty()) co_return found;
    auto physical = [&session](const nix::StorePath& path) { return session.endpoint().physical(path); };
    auto read = [derivation = *derivation, physical] { return desktop::outputs_built_for(derivation, physical); };
    auto outputs = co_await session.workers().run(std::move(read));
    while (!outputs.empty()) {
        auto asked = take_some(outputs);
        CO_TRY(infos, co_await connection.query_path_infos(std::move(asked)));
        for (const auto& info : infos)
            if (info) take(*info);
    }
    co_return found;
}

} // namespace cachefill::fill
