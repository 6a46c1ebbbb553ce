#include "session/closure_changes.hpp"

#include "async/deadline.hpp"
#include "daemon/connection.hpp"

#include <utility>
#include <vector>

namespace cachefill::session {

using async::Task;

namespace {

using Paths = std::vector<report::ClosurePath>;

Task<Result<Paths>> read(presence::ClosureReader& reader, nix::StorePath top, plan::CacheMask caches,
                         daemon::Connection& store) {
    CO_TRY(members, co_await reader.read(std::move(top), caches, store));
    Paths paths;
    for (const auto& member : members)
        paths.push_back({.base_name = std::string(member.path.base_name()), .nar_size = member.nar_size});
    co_return paths;
}

Task<Result<report::ClosureDifference>> compare(presence::ClosureReader& reader, nix::StorePath before,
                                                nix::StorePath after, plan::CacheMask caches,
                                                daemon::Connection& store) {
    if (before == after) co_return report::ClosureDifference();
    CO_TRY(had, co_await read(reader, std::move(before), caches, store));
    CO_TRY(has, co_await read(reader, std::move(after), caches, store));
    co_return report::compare_closures(had, has);
}

} // namespace

Task<Result<report::ClosureDifference>> closure_changes(presence::ClosureReader& reader, nix::StorePath before,
                                                        nix::StorePath after, plan::CacheMask caches,
                                                        daemon::Connection& store,
                                                        std::chrono::steady_clock::duration limit) {
    auto work = compare(reader, std::move(before), std::move(after), caches, store);
    co_return co_await async::with_deadline(std::move(work), limit, "asking what is in two closures");
}

} // namespace cachefill::session
