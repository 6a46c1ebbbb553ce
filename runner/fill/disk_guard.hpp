#pragma once

#include "async/clock.hpp"
#include "build/driver.hpp"
#include "event/kinds.hpp"
#include "plan/facts.hpp"
#include "plan/graph.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::fill {

// Watches the disk of the Nix store (design section 3, "Disk"): below a limit no further builds start, and what is in
// the cache by now is deleted. Where all of that is still needed, it goes on with builds after which less of it is, one
// at a time, for which half of the limit is kept free; and from then on those come first. A disk that stays full ends
// the run.
class DiskGuard {
  public:
    struct Surroundings {
        std::function<std::optional<std::uint64_t>()> free_bytes;      // empty: it cannot be told, and counts as room
        std::function<async::Task<Result<std::uint64_t>>()> make_room; // bytes freed
        std::function<bool()> may_change_by_itself;                    // something still builds, or goes up
        std::function<void()> changed;                                 // may_start() may say something else
        std::function<void(event::Severity, std::string, std::string)> say; // text and hint
    };

    // `store`: its directory, for people. All of it outlives the guard.
    DiskGuard(async::Executor executor, async::Clock& clock, std::string store, std::uint64_t min_free,
              Surroundings surroundings)
        : nap_(executor), clock_(clock), store_(std::move(store)), min_free_(min_free),
          surroundings_(std::move(surroundings)) {}

    build::MayStart may_start() const;

    // Ends only when there is nothing more to wait for, with what to tell.
    async::Task<Failure> watch();

  private:
    bool is_below(std::optional<std::uint64_t> free_bytes) const { return free_bytes && *free_bytes < min_free_; }
    void look();
    async::Task<bool> try_to_make_room(); // was there something to delete?

    async::Nap nap_;
    async::Clock& clock_;
    std::string store_;
    std::uint64_t min_free_;
    Surroundings surroundings_;
    async::Clock::TimePoint moved_at_{}; // when something last built, went up or was deleted
    bool is_low_ = false;
    bool is_stuck_ = false;  // low, and all that is there is needed
    bool was_stuck_ = false; // ever
    bool may_delete_ = true;
};

// Of the candidates, valid here and in the cache by now, those that nothing which stays refers to.
std::vector<nix::StorePath> closed_under_referrers(std::set<plan::PathId> candidates, const plan::Graph& graph,
                                                   const plan::Facts& facts);

} // namespace cachefill::fill
