#pragma once

#include "async/limiter.hpp"
#include "base/result.hpp"
#include "nix/narinfo.hpp"
#include "nix/trusted_keys.hpp"
#include "plan/facts.hpp"
#include "presence/patience.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::async {
class Clock;
}

namespace cachefill::cache {
class BinaryCache;
struct CacheInfo;
} // namespace cachefill::cache

namespace cachefill::daemon {
class Connection;
}

namespace cachefill::event {
class Sink;
}

namespace cachefill::nix {
struct Realisation;
}

namespace cachefill::plan {
struct Questions;
}

namespace cachefill::presence {

struct OpenedCache;
class Source;
class Views;

// The one place where it is decided whether a store path is present, absent, or unknown because a cache that may have
// it could not be asked. Asks the caches and this machine's store, and keeps the answers as plan::Facts for this run
// only. Cache 0 is the own one, which is filled; the others are upstreams, opened when first asked.
class Judge {
  public:
    Judge(async::Executor executor, async::Clock& clock, plan::Graph& graph, plan::Facts& facts, event::Sink& sink,
          Patience patience);
    ~Judge();
    Judge(const Judge&) = delete;
    Judge& operator=(const Judge&) = delete;

    // Which caches there are, by number; at most plan::most_caches. The own one comes first; what it serves must be
    // believed by its keys. What an upstream serves is there for those who believe it: see views().
    std::size_t add_own(OpenedCache cache);
    // The own cache of somebody who only looks and has tried in vain to open it.
    std::size_t add_lost_own(std::unique_ptr<cache::BinaryCache> backend, std::vector<nix::PublicKey> keys,
                             Failure why);
    std::size_t add_upstream(std::unique_ptr<cache::BinaryCache> backend);
    // Somebody trusts these keys: what they sign is told apart from now on.
    void learn(const nix::TrustedKeys& keys);
    const Views& views() const { return *views_; }
    // The masks of the other judge mean the same here: both have the same upstreams under the same numbers.
    void share_views(const Judge& other);

    std::size_t size() const { return members_.size(); }
    const std::string& url(std::size_t cache) const { return members_[cache].url; } // canonical
    const std::vector<nix::PublicKey>& own_keys() const { return own_keys_; }       // empty: none is known
    const nix::TrustedKeys& own_trust() const { return own_trust_; }
    const cache::CacheInfo& info(std::size_t cache) const;
    bool is_out(std::size_t cache) const;
    std::uint64_t requests(std::size_t cache) const;
    cache::BinaryCache& backend(std::size_t cache) const;
    plan::CacheMask all() const; // every cache added so far, in every view
    // What cannot be known and why, a failure for each cache that is out or was silent about some path.
    struct Unasked {
        std::size_t cache;
        std::uint64_t paths; // about which it was asked in vain
        nix::StorePath example;
        Failure why;
        bool counts_as_empty;
    };
    const std::vector<Unasked>& unasked() const { return unasked_; }

    // The own cache's opinion on many paths at once, where it gives one (bulk): cheap, taken before planning.
    async::Task<Result<void>> ask_bulk(std::vector<plan::PathId> paths);
    void ask_one_by_one(); // from now on
    // All questions of a plan; narinfos transitively. Ends when all are answered, or will not be. `store` answers the
    // local ones; without it nothing is valid here, and it is what may fail.
    async::Task<Result<void>> answer(plan::Questions questions, daemon::Connection* store);
    // Asks until everything below these paths is known that counts, or cannot be.
    using Counting = std::function<plan::CacheMask()>; // what counts grows with the answers, see views()
    async::Task<void> ask_whole(std::vector<plan::PathId> paths, Counting counting);
    // Is this path being asked about? Then it is no news that its question is open.
    bool is_asking(plan::PathId path) const { return asking_.contains(path); }
    // Some cache is away and asked again.
    bool is_waiting() const;
    // A cache went away, came back, or was given up: worth planning with what is known by now.
    std::function<void()> on_change;
    // From now on an answer that makes no sense leaves a question open, rather than to count as "absent" as it does for
    // whoever can put there what is lacking.
    void doubt_nonsense() { doubts_nonsense_ = true; }
    // Nobody waits for a cache any more: what is open stays unknown.
    void stop_waiting();

    // Forgets every answer, or those about one path, so that they are asked for afresh; a cache that was given up gets
    // one more chance.
    void forget_all();
    void forget(plan::PathId path);
    void forget_what_was_lacking();
    // Served whole, by caches in `counting`? Asks what is not known yet. A Failure: it cannot be known now.
    async::Task<Result<bool>> is_served(nix::StorePath path, Counting counting);
    // As is_served, forgetting what was known of the path itself.
    async::Task<Result<bool>> is_served_by_now(nix::StorePath path, Counting counting);
    // The first of these caches that tells where a content-addressed output went. Of an upstream that cannot say it is
    // as if it had nothing to say.
    async::Task<Result<std::optional<nix::Realisation>>> find_realisation(std::string id, plan::CacheMask caches);
    // Does a cache in `counting` serve the very bytes that are valid here under this path, in the eyes of those for
    // whom it counts? Asked afresh, but for what was asked last of this path. A Failure: none says so, and not all
    // could be asked.
    async::Task<Result<bool>> is_vouched_for(nix::PathInfo info, plan::CacheMask counting);
    // Why what the own cache serves under this path is believed by nobody, so that it counts as absent and cannot be
    // put there either; empty: it is not so.
    std::string why_refused(const nix::StorePath& path) const;
    // Did the own cache last answer with something else than a narinfo when it was asked about this path?
    bool is_answered_with_nonsense(const nix::StorePath& path) const;
    // Claimed by the own cache, which hides what is not whole, and not served: may come back once its references are
    // there.
    bool is_hidden(const nix::StorePath& path) const;

    // From now on the narinfos that the own cache answers with are kept, for own_narinfos().
    void keep_own_narinfos() { keeps_own_narinfos_ = true; }
    // Of these paths, which it serves; asked for where they were not kept.
    async::Task<Result<std::vector<nix::NarInfo>>> own_narinfos(std::vector<plan::PathId> paths);
    // The same of any cache, asked for anew.
    async::Task<Result<std::vector<nix::NarInfo>>> narinfos(std::size_t cache, std::vector<plan::PathId> paths);

    // Its narinfo is served, but its archive cannot be had there by anybody: absent from that cache until forgotten.
    void note_unusable(plan::PathId path, std::size_t cache);
    // Published by this run just now.
    void note_published(const nix::StorePath& path);
    void note_references(const nix::PathInfo& info);

  private:
    struct Member {
        std::unique_ptr<Source> source;
        std::string url;
    };
    struct Round;
    // A key was seen with which an upstream signs: the masks that this round asks by are those of before, so what was
    // found there seems not to count. It ends, and whoever began it asks on with what counts now.
    bool is_outdated(const Round& round) const;
    std::size_t add(std::unique_ptr<cache::BinaryCache> backend);
    std::size_t add_own(std::unique_ptr<cache::BinaryCache> backend, std::vector<nix::PublicKey> keys);
    async::Task<void> ask_remote(plan::PathId id, plan::CacheMask caches, Round& round);
    struct Walk;
    async::Task<void> ask_in_turn(Walk& walk, const Round& round);
    async::Task<void> ask_one(Walk& walk, std::size_t cache);
    bool is_next(Walk& walk, std::size_t cache);
    void ask_at_once(Walk& walk);
    async::Task<Result<void>> reach(std::size_t cache, plan::CacheMask caches);
    void note_offline();
    async::Task<void> get_narinfo_into(std::size_t cache, nix::StorePath path, std::vector<nix::NarInfo>& infos,
                                       std::optional<Failure>& failure);
    plan::CacheMask judge(plan::PathId id, std::size_t cache, const nix::NarInfo& info);
    void refuse(plan::PathId id, std::size_t cache, const nix::NarInfo& info);
    void note_unasked(std::size_t cache, const nix::StorePath& path, const Failure& why);
    // What of the closure of `path` is not known yet.
    struct Below {
        bool whole = true;
        std::vector<plan::PathId> open;        // to be asked about
        std::optional<plan::PathId> undecided; // cannot be asked about
    };
    Below look_below(plan::PathId path, plan::CacheMask counting);
    Failure why_undecided(plan::PathId path, plan::CacheMask counting) const;
    // The caches that count for this path in the eyes of the own cache's consumers: a cache that hides what is not
    // whole does not know of upstreams but those it claims by itself.
    plan::CacheMask counting_for(plan::PathId path, plan::CacheMask counting) const;
    void record(plan::PathId id, plan::CacheMask present, const nix::NarInfo& info);
    void ask_again();
    void warn(std::string text, std::string hint = {});

    async::Executor executor_;
    async::Clock& clock_;
    plan::Graph& graph_;
    plan::Facts& facts_;
    event::Sink& sink_;
    Patience patience_;
    async::Limiter requests_;
    std::vector<Member> members_;
    std::vector<nix::PublicKey> own_keys_;
    nix::TrustedKeys own_trust_;
    std::shared_ptr<Views> views_;
    std::size_t upstream_views_ = 0;
    bool has_own_views_ = true; // of the own cache; not of one that only shares the upstreams' views
    std::vector<Unasked> unasked_;
    std::map<plan::PathId, int> asking_;                     // by how many rounds
    std::map<plan::PathId, plan::CacheMask> complete_under_; // found whole with these caches counting
    struct Vouched {
        plan::CacheMask counting = 0;
        bool is_vouched_for = false;
    };
    std::map<plan::PathId, Vouched> vouched_; // by whom it was asked last
    bool keeps_own_narinfos_ = false;
    std::map<plan::PathId, nix::NarInfo> own_narinfos_;
    std::map<std::pair<std::size_t, plan::PathId>, std::string> refused_; // by cache; why, and it has been told
    std::set<plan::PathId> own_nonsense_;
    bool doubts_nonsense_ = false;
    bool is_offline_told_ = false;
    std::size_t warnings_ = 0;
    std::uint64_t asked_ = 0;
};

} // namespace cachefill::presence
