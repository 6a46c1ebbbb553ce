#pragma once

#include "nix/store_path.hpp"
#include "sqlite/database.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::desktop {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;

struct QueuedPath {
    nix::StorePath path;
    std::uint64_t nar_size = 0;
    unsigned attempts = 0; // that failed
};

// How a path left the queue, or did not.
enum class Settled {
    pushed,
    present,  // somebody else had put it there, or we before a crash
    gone,     // garbage-collected: not valid any more
    withheld, // not ours to push; stays out
    failed,   // stays, and is tried again
};

struct Settlement {
    nix::StorePath path;
    Settled how = Settled::pushed;
    std::uint64_t bytes = 0; // that went up
    std::string reason{};    // of withheld and failed
    Time again{};            // failed: not before
};

// What one cache looks like from here; for `push --status`.
struct CacheStatus {
    std::string name, uri;
    bool is_optional = false;
    std::uint64_t waiting = 0, waiting_bytes = 0; // NAR sizes
    std::uint64_t failing = 0;                    // of these, those that failed at least once
    std::uint64_t pushed = 0, pushed_bytes = 0;   // ever, compressed
    std::uint64_t present = 0, gone = 0, withheld = 0;
    std::uint64_t recent_bytes = 0;        // that went up in the last ten minutes
    std::optional<Time> oldest, last_push; // when the path that waits longest was queued
    std::string last_error;                // empty after a success
    std::optional<Time> last_error_at, next_try;
};

// What the watcher has seen of the store; kept in the same transaction as what it queued, so that a crash between the
// two neither loses nor repeats anything.
struct StorePosition {
    std::int64_t id = 0;         // of Nix's own database: registrations count upwards
    std::int64_t registered = 0; // unix seconds, for stores that are watched without it
};

// Paths that wait to be pushed, for each cache by itself, in a file that survives SIGKILL and power cuts: everything
// that add() has returned from is on the disk. One process at a time owns it; others may read it.
class Queue {
  public:
    // How it came about.
    enum class Origin {
        existing,
        first_start, // nothing was ever queued in this directory
        lost,        // it was here before, but is missing or damaged; see since()
    };

    // `directory` exists. A damaged file is put aside as queue.db.damaged-N. Usage failure: another process owns it.
    static Result<Queue> open(const std::filesystem::path& directory, Time now, const std::string& file_system = {});
    // To look at only. Empty if there is none.
    static Result<std::optional<Queue>> read(const std::filesystem::path& directory);

    Origin origin() const { return origin_; }
    // The first start: what is older is nobody's business unless asked for.
    Time since() const { return since_; }
    // Is a service at work on this directory?
    static bool is_owned(const std::filesystem::path& directory);

    // The configured caches. A new one begins with an empty queue; what waited for one that is configured no more is
    // dropped, and told: name and number of paths.
    struct Cache {
        std::string name, uri;
        bool is_optional = false;
    };
    Result<std::vector<std::pair<std::string, std::uint64_t>>> set_caches(const std::vector<Cache>& caches);

    // Generations whose closures have been queued.
    Result<std::set<nix::StorePath>> known_generations() const;
    Result<StorePosition> position() const;

    // Queues the paths for every cache (those that wait already are left alone) and remembers what they were found by.
    // The first call on a queue that is not `existing` says what was there before and is not to be pushed.
    Result<std::uint64_t> add(const std::vector<QueuedPath>& paths, const std::vector<nix::StorePath>& generations,
                              std::optional<StorePosition> position, Time now);
    // Everything counts as new again, once: a second call does nothing. True if it was the first.
    Result<bool> look_back();
    // Generations that are no more are forgotten, so that this does not grow for ever.
    Result<void> forget_generations_except(const std::set<nix::StorePath>& alive);

    // Those that may be tried now, longest waiting first.
    Result<std::vector<QueuedPath>> due(const std::string& cache, Time now, std::size_t limit) const;
    // When the next one may be tried; empty if none waits.
    Result<std::optional<Time>> next_due(const std::string& cache) const;
    Result<void> settle(const std::string& cache, const std::vector<Settlement>& settlements, Time now);
    // The cache itself is in the way: told in the status until something succeeds.
    Result<void> note_trouble(const std::string& cache, const std::string& error, Time now, Time again);

    Result<std::vector<CacheStatus>> status(Time now) const;
    Result<std::uint64_t> waiting() const; // the longest queue of all caches

    // Beyond so many waiting paths nothing is added: the watcher stays where it is in the store.
    static constexpr std::uint64_t most_waiting = 500'000;

  private:
    explicit Queue(sqlite::Database database) : database_(std::move(database)) {}
    Result<void> prepare();

    sqlite::Database database_;
    std::shared_ptr<void> owner_; // the lock
    Origin origin_ = Origin::existing;
    Time since_{};
};

} // namespace cachefill::desktop
