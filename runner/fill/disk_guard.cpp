#include "fill/disk_guard.hpp"

#include "base/units.hpp"

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto interval = 2s;
constexpr auto patience = 60s;

} // namespace

build::MayStart DiskGuard::may_start() const {
    auto free_bytes = surroundings_.free_bytes();
    if (!is_low_ && !is_below(free_bytes))
        return was_stuck_ ? build::MayStart::rather_what_frees_room : build::MayStart::anything;
    bool is_next = is_stuck_ && !surroundings_.may_change_by_itself() && free_bytes.value_or(0) >= min_free_ / 2;
    return is_next ? build::MayStart::only_what_frees_room : build::MayStart::nothing;
}

void DiskGuard::look() {
    auto free_bytes = surroundings_.free_bytes();
    bool is_low = is_below(free_bytes);
    if (is_low && !is_low_) {
        moved_at_ = clock_.now();
        surroundings_.say(event::Severity::warning,
                          "only " + human_bytes(*free_bytes) + " are free in " + store_ +
                              ": no further builds start until there is more",
                          "free some space, or lower --min-free");
    }
    if (is_low_ && !is_low)
        surroundings_.say(event::Severity::notice, "there is room in " + store_ + " again: going on", {});
    is_low_ = is_low;
}

Task<bool> DiskGuard::try_to_make_room() {
    if (!may_delete_) co_return false;
    auto freed = co_await surroundings_.make_room();
    if (freed) co_return *freed > 0;
    may_delete_ = false; // once is enough: it would fail likewise in two seconds
    surroundings_.say(event::Severity::warning, "cannot make room: " + freed.error().one_line(), freed.error().hint());
    co_return false;
}

Task<Failure> DiskGuard::watch() {
    for (;;) {
        co_await clock_.sleep_until(nap_, clock_.now() + interval);
        look();
        bool has_deleted = false;
        if (is_low_) has_deleted = co_await try_to_make_room();
        bool moves = has_deleted || surroundings_.may_change_by_itself();
        is_stuck_ = is_low_ && !moves && may_delete_;
        was_stuck_ |= is_stuck_;
        if (moves) moved_at_ = clock_.now();
        surroundings_.changed();
        if (is_low_ && clock_.now() - moved_at_ > patience) break;
    }
    co_return Failure(FailureKind::machine, "the disk of " + store_ + " stayed full")
        .with_hint("free some space and run again; what was built is in the cache");
}

std::vector<nix::StorePath> closed_under_referrers(std::set<plan::PathId> candidates, const plan::Graph& graph,
                                                   const plan::Facts& facts) {
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t i = 0; i < graph.path_count(); ++i) {
            auto id = static_cast<plan::PathId>(i);
            if (facts.of(id).valid_here != true || candidates.contains(id)) continue;
            for (auto reference : facts.of(id).references) changed |= candidates.erase(reference) > 0;
        }
    }
    std::vector<nix::StorePath> paths;
    for (auto id : candidates) paths.push_back(graph.path(id));
    return paths;
}

} // namespace cachefill::fill
