#pragma once

#include "async/limiter.hpp"
#include "async/task.hpp"
#include "async/task_group.hpp"
#include "cache/binary_cache.hpp"
#include "daemon/connection.hpp"
#include "event/event.hpp"
#include "plan/plan.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::presence {

// Asks the caches and this machine's store what is there, and keeps the answers as plan::Facts for this run only. Cache
// 0 is the one we fill; the others are upstreams, opened when first asked. An upstream that cannot be reached is put
// aside for the run and said so once; the own cache being away is a failure.
class Judge {
  public:
    Judge(async::Executor executor, plan::Graph& graph, plan::Facts& facts, event::Sink& sink);

    struct Source {
        std::unique_ptr<cache::BinaryCache> backend;
        std::string url;                  // canonical
        std::vector<nix::PublicKey> keys; // a narinfo must be signed by one of these (or be content-addressed)
        bool any_signature = false;       // ?trusted=1, or a cache of which no key is known at all
        bool is_open = false;
        bool aside = false;
        std::uint64_t requests = 0;
        cache::CacheInfo info;
    };

    // The first added is the cache we fill; it has been opened. At most 64 in all.
    std::size_t add(std::unique_ptr<cache::BinaryCache> backend, std::string url, std::vector<nix::PublicKey> keys,
                    std::optional<cache::CacheInfo> info);
    const std::vector<Source>& sources() const { return sources_; }
    Source& source(std::size_t number) { return sources_[number]; }
    plan::CacheMask all() const; // every cache added so far

    // The own cache's opinion on many paths at once, where it gives one (bulk): cheap, taken before planning.
    async::Task<Result<void>> ask_bulk(std::vector<plan::PathId> paths);
    // All questions of a plan; narinfos transitively. `store` answers the local ones; without it nothing is valid here.
    async::Task<Result<void>> answer(plan::Questions questions, daemon::Connection* store);
    // Forgets every answer, or those about one path, so that they are asked for afresh.
    void forget_all();
    void forget(plan::PathId path);
    // Served whole, by caches in `counting`? Asks what is not known yet.
    async::Task<Result<bool>> is_served(nix::StorePath path, plan::CacheMask counting);

    // Claimed by the own cache, which hides what is not whole, and not served: may come back once its references are
    // there.
    bool is_hidden(const nix::StorePath& path) const;
    // As is_served, forgetting what was known of the path itself.
    async::Task<Result<bool>> is_served_by_now(nix::StorePath path, plan::CacheMask counting);

    // Published by this run just now.
    void note_published(const nix::StorePath& path);
    void note_references(const nix::PathInfo& info);

  private:
    // One round of asking: the coroutines at work, what they have taken on, and the own cache's failure if it had one.
    struct Round {
        explicit Round(async::Executor executor) : group(executor) {}
        async::TaskGroup group;
        std::set<plan::PathId> taken;
        std::optional<Failure> failure;
    };
    async::Task<void> ask_remote(plan::PathId id, plan::CacheMask caches, Round& round);
    async::Task<Result<std::optional<nix::NarInfo>>> look_up(std::size_t cache, const nix::StorePath& path);
    // What keeps `path` from being known whole or not: empty if it is known; then `whole` says which.
    std::vector<plan::PathId> unknown_below(plan::PathId path, plan::CacheMask counting, bool& whole);
    // The caches that count for this path in the eyes of the own cache's consumers: a cache that hides what is not
    // whole does not know of upstreams but those it claims by itself.
    plan::CacheMask counting_for(plan::PathId path, plan::CacheMask counting) const;
    async::Task<bool> is_usable(std::size_t cache);
    void put_aside(Source& source, const Failure& failure);
    void record(plan::PathId id, std::size_t cache, const nix::NarInfo& info);
    void warn(std::string text, std::string hint = {});

    async::Executor executor_;
    plan::Graph& graph_;
    plan::Facts& facts_;
    event::Sink& sink_;
    async::Limiter requests_;
    async::Limiter opening_;
    std::vector<Source> sources_;
    std::map<plan::PathId, plan::CacheMask> complete_under_; // found whole with these caches counting
    std::optional<Failure> failure_;                         // of the own cache, in the current answer()
    std::size_t warnings_ = 0;
    std::uint64_t asked_ = 0;
};

} // namespace cachefill::presence
