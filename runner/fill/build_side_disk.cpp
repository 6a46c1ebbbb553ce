// What a run does when the store's disk fills up (design section 3, "Disk").
#include "base/text.hpp"
#include "base/units.hpp"
#include "build/roots.hpp"
#include "fill/build_side.hpp"
#include "session/outside.hpp"

#include <algorithm>
#include <set>

namespace cachefill::fill {

using async::Task;

DiskGuard::Surroundings BuildSide::disk_surroundings(std::string store) {
    DiskGuard::Surroundings surroundings;
    surroundings.free_bytes = [this, store = std::move(store)] { return run_.session.outside().free_bytes(store); };
    surroundings.make_room = [this] { return make_room(); };
    surroundings.may_change_by_itself = [this] {
        return driver_->is_building() || run_.outlets.unsettled() > 0 || run_.live.is_evaluating();
    };
    surroundings.changed = [this] { driver_->wake(); };
    surroundings.say = [this](event::Severity severity, std::string text, std::string hint) {
        run_.say(severity, std::move(text), std::move(hint));
    };
    return surroundings;
}

Task<void> BuildSide::watch_disk() {
    run_.fail(co_await disk_guard_->watch());
    run_.evaluations.cancel();
    driver_->stop();
}

std::uint64_t BuildSide::deletable_bytes(plan::DerivationId id) const {
    std::uint64_t bytes = 0;
    if (run_.live.is_open()) return bytes;
    const auto& ledger = run_.outlets.ledger();
    for (const auto& output : run_.graph.derivation(id).outputs) {
        if (output.path == plan::no_path || run_.facts.of(output.path).valid_here == false) continue;
        auto record = ledger.find(run_.graph.path(output.path));
        if (record != ledger.end() && record->second.built_by_this_run)
            bytes += std::max<std::uint64_t>(record->second.nar_size, 1);
    }
    return bytes;
}

// Built by this run, in the cache, and needed by nothing that is still to come: as input, by a reference of something
// that stays, or by an evaluation.
std::vector<nix::StorePath> BuildSide::deletable() const {
    std::set<plan::PathId> going;
    if (run_.live.is_open()) return {};
    for (const auto& [path, record] : run_.outlets.ledger()) {
        if (!record.built_by_this_run || !run_.outlets.are_done_with(path)) continue;
        auto id = run_.graph.find(path);
        if (id && run_.facts.of(*id).valid_here != false && !driver_->is_needed(*id)) going.insert(*id);
    }
    return closed_under_referrers(std::move(going), run_.graph, run_.facts);
}

Task<Result<std::uint64_t>> BuildSide::make_room() {
    auto candidates = deletable();
    if (candidates.empty()) co_return std::uint64_t{0};
    // Temporary roots of what has been built so far end with the connections that built it. Their processes may take a
    // moment to go; what they still hold is left for the next time.
    driver_->close_idle_connections();
    CO_TRY_VOID(co_await roots_->hold_only(driver_->needed_paths()));
    CO_TRY(connection, co_await daemon::connect(run_.session.endpoint()));
    CO_TRY(dead, co_await connection->find_dead(std::move(candidates)));
    if (dead.empty()) co_return std::uint64_t{0};
    // Whoever refers to one that stays, stays; the daemon refuses a batch that is not closed under referrers.
    auto count = dead.size();
    auto paths = dead;
    auto freed = co_await connection->delete_paths(std::move(dead));
    auto valid = co_await connection->query_valid_paths(paths);
    if (!valid) co_return std::move(valid).error();
    std::set<nix::StorePath> left(valid->begin(), valid->end());
    for (const auto& path : paths) {
        if (left.contains(path)) continue;
        auto id = run_.graph.find(path);
        run_.facts.of(*id).valid_here = false;
        if (auto producer = run_.graph.producer(*id)) driver_->note_deleted(producer->derivation);
    }
    if (!freed) co_return std::move(freed).error();
    run_.say(event::Severity::notice, "deleted " + counted(count, "path") + " that " + (count == 1 ? "is" : "are") +
                                          " in the cache by now: " + human_bytes(*freed) + " freed");
    co_return *freed;
}

} // namespace cachefill::fill
