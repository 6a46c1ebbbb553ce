// What a run does when the store's disk fills up (design section 3, "Disk").
#include "base/files.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "build/roots.hpp"
#include "fill/run.hpp"

#include <algorithm>
#include <set>

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto disk_check_interval = 2s;
constexpr auto disk_patience = 60s;

} // namespace

bool Run::has_room() const {
    auto space = disk_space(session_.endpoint().physical_root.string() + std::string(nix::store_dir));
    return !space || space->free_bytes >= session_.settings().min_free;
}

Task<void> Run::watch_disk() {
    auto store = session_.endpoint().physical_root.string() + std::string(nix::store_dir);
    auto low_since = Clock::now();
    bool may_delete = true;
    for (;;) {
        co_await async::sleep_for(disk_check_interval);
        auto space = disk_space(store);
        bool is_low = space && space->free_bytes < session_.settings().min_free;
        if (is_low && !disk_is_low_) {
            low_since = Clock::now();
            say(event::Severity::warning,
                "only " + human_bytes(space->free_bytes) + " are free in " + store +
                    ": no further builds start until there is more",
                "free some space, or lower --min-free");
        }
        if (disk_is_low_ && !is_low) say(event::Severity::notice, "there is room in " + store + " again: going on");
        disk_is_low_ = is_low;
        driver_->wake();
        if (!is_low) continue;
        if (may_delete) {
            auto freed = co_await make_room();
            if (!freed) { // once is enough: it would fail likewise in two seconds
                may_delete = false;
                say(event::Severity::warning, "cannot make room: " + freed.error().one_line(), freed.error().hint());
            } else if (*freed > 0) {
                low_since = Clock::now();
                continue;
            }
        }
        bool stuck = Clock::now() - low_since > disk_patience && !driver_->is_building() && unsettled() == 0;
        if (!stuck) continue;
        Failure failure(FailureKind::machine, "the disk of " + store + " stayed full");
        fail(std::move(failure).with_hint("free some space and run again; what was built is in the cache"));
        evaluations_.cancel();
        driver_->stop();
        co_return;
    }
}

// Built by this run, in the cache, and needed by nothing that is still to come: as input, by a reference of something
// that stays, or by an evaluation.
std::vector<nix::StorePath> Run::deletable() const {
    std::set<plan::PathId> going;
    if (!pipeline_ || is_planning()) return {};
    for (const auto& [path, record] : pipeline_->ledger()) {
        bool in_cache =
            record.outcome == event::PushOutcome::published || record.outcome == event::PushOutcome::already_there;
        if (!in_cache || !record.built_by_this_run) continue;
        bool wanted = std::any_of(mirrors_.begin(), mirrors_.end(), [&deleted = path](const auto& mirror) {
            return !mirror->pipeline().ledger().contains(deleted);
        });
        if (wanted) continue;
        auto id = graph_.find(path);
        if (id && facts_.of(*id).valid_here != false && !driver_->is_needed(*id)) going.insert(*id);
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t i = 0; i < graph_.path_count(); ++i) {
            auto id = static_cast<plan::PathId>(i);
            if (facts_.of(id).valid_here != true || going.contains(id)) continue;
            for (auto reference : facts_.of(id).references) changed |= going.erase(reference) > 0;
        }
    }
    std::vector<nix::StorePath> paths;
    for (auto id : going) paths.push_back(graph_.path(id));
    return paths;
}

Task<Result<std::uint64_t>> Run::make_room() {
    auto candidates = deletable();
    if (candidates.empty()) co_return std::uint64_t{0};
    // Temporary roots of what has been built so far end with the connections that built it. Their processes may take a
    // moment to go; what they still hold is left for the next time.
    driver_->close_idle_connections();
    CO_TRY_VOID(co_await roots_->hold_only(driver_->needed_paths()));
    CO_TRY(connection, co_await daemon::connect(session_.endpoint()));
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
        auto id = graph_.find(path);
        facts_.of(*id).valid_here = false;
        if (auto producer = graph_.producer(*id)) driver_->note_deleted(producer->derivation);
    }
    if (!freed) co_return std::move(freed).error();
    say(event::Severity::notice, "deleted " + counted(count, "path") + " that " + (count == 1 ? "is" : "are") +
                                     " in the cache by now: " + human_bytes(*freed) + " freed");
    co_return *freed;
}

} // namespace cachefill::fill
