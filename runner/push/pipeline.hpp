#pragma once

#include "async/retry_policy.hpp"
#include "async/task.hpp"
#include "base/result.hpp"
#include "codec/compression.hpp"
#include "event/kinds.hpp"
#include "nix/path_info.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace cachefill::async {
class Clock;
class WorkerPool;
} // namespace cachefill::async

namespace cachefill::cache {
class BinaryCache;
}

namespace cachefill::event {
class Sink;
}

namespace cachefill::push {

struct PushSettings {
    std::size_t uploads = 16;                   // paths at once
    std::uint64_t memory_budget = 256ULL << 20; // bytes of chunks alive, whatever the size or number of paths
    std::uint64_t part_size =
        5ULL << 20; // of the compressed stream: the least that S3 takes; grown for more than 9 000 parts
    codec::Compression compression = codec::Compression::zstd;
    int compression_level = 3;
    std::size_t waiting_to_publish = 64; // uploaded but held back for a reference
    std::vector<std::string> exclude;    // globs on names; act only on what no pushed path references
    bool push_foreign = false;           // also what was neither built here nor is signed by a known key
    std::uint64_t size_budget = 0;       // bytes of NARs to push in this run; 0: no limit
    // Pauses before a path is tried again after the cache itself has given up on a request; the budget counts from
    // close() on.
    async::RetryPolicy retry_later = {.first_delay = std::chrono::seconds(15),
                                      .longest_delay = std::chrono::minutes(5),
                                      .longest_server_delay = std::chrono::minutes(5),
                                      .budget = std::chrono::minutes(5)};
    bool only_plan = false; // upload nothing: what would go up is settled as not_pushed and `planned`
    // Paths that must not go to a public cache, with the reason a person reads (the flake's own source).
    std::unordered_map<nix::StorePath, std::string> withheld;
};

// What the pipeline asks the rest of the program. All are called on the loop.
struct PushEnvironment {
    async::Clock* clock = nullptr; // null: the real one
    // Where a valid path's files really are.
    std::function<std::filesystem::path(const nix::StorePath&)> physical;
    // Is this path served whole to consumers, by the cache or an upstream that counts? Known answers come at once.
    std::function<async::Task<Result<bool>>(nix::StorePath)> is_served;
    // The cache claims to have this path but does not serve it, as one does that hides what is not whole: it may come
    // back once its references are served, so it goes up after them, and only if it is still not served then. May be
    // empty.
    std::function<bool(const nix::StorePath&)> is_hidden;
    std::function<async::Task<Result<bool>>(nix::StorePath)> is_served_by_now; // asks afresh
    // Facts of valid paths, in the order asked (absent: not valid).
    std::function<async::Task<Result<std::vector<std::optional<nix::PathInfo>>>>(std::vector<nix::StorePath>)>
        path_infos;
    // Whose word counts for a path may not be known yet: it is described once `until_decided` has ended, and no other
    // path waits for that. Both may be empty.
    std::function<bool(const nix::PathInfo&)> is_undecided;
    std::function<async::Task<void>()> until_decided;
    // Tries to repair a path whose files do not match its hash; true if it is whole again. May be empty.
    std::function<async::Task<bool>(nix::StorePath)> repair;
    // Why a path that is about to go up must not, besides PushSettings::withheld; empty: it may. May be empty.
    std::function<std::optional<std::string>(const nix::PathInfo&)> reason_to_withhold;
    // Keys of the cache, and those that count for whoever needs this path: signed by one of them it is not foreign. May
    // be empty.
    std::function<std::vector<nix::PublicKey>(const nix::StorePath&)> known_keys;
    // A path is settled (once per path): roots may go, dependents may be told.
    std::function<void(const nix::StorePath&, event::PushOutcome)> on_settled;
    // Are builds still running? For the report: pushed while building.
    std::function<bool()> is_building;
};

struct PushRecord {
    event::PushOutcome outcome = event::PushOutcome::not_pushed;
    bool built_by_this_run = false;
    bool in_closure_only = false; // nobody asked for it; a reference of something that was pushed
    bool while_building = false;
    bool deduplicated = false; // published, and the cache had that content already
    bool planned = false;      // it would have been pushed (PushSettings::only_plan)
    std::uint64_t nar_size = 0, file_size = 0;
    std::string reason;                                         // unless published
    std::optional<std::chrono::steady_clock::time_point> start; // of its first upload
    std::chrono::milliseconds took{};                           // from there to its end
};

using Ledger = std::unordered_map<nix::StorePath, PushRecord>;

// Read NAR from disk and hash it → compress on the workers → upload parts as they fill → publish once every reference
// is served or published. One per cache. Nothing is lost by a failure: what cannot go up is tried again later, at the
// latest after close(), and then stands in the ledger with its reason.
class Pipeline {
  public:
    virtual ~Pipeline() = default;

    // Starts pushing this valid path and whatever of its closure is not served. Idempotent.
    virtual void add(nix::StorePath path, bool built_by_this_run) = 0;

    // Works until drained; the owner spawns it. Ends after close() when everything is settled, or after stop().
    virtual async::Task<void> run() = 0;
    // No more paths will come; failed ones get their last tries.
    virtual void close() = 0;
    // Starts nothing new; uploads and publications in flight may finish within `grace`, the rest is aborted and
    // recorded as not_pushed. Aborting takes two seconds at most.
    virtual void stop(std::chrono::milliseconds grace) = 0;

    virtual const Ledger& ledger() const = 0;
    virtual std::size_t unsettled() const = 0;
};

// `cache` has been opened; everything outlives the pipeline.
std::unique_ptr<Pipeline> make_pipeline(async::Executor executor, cache::BinaryCache& cache, async::WorkerPool& workers,
                                        PushSettings settings, PushEnvironment environment, event::Sink& sink);

} // namespace cachefill::push
