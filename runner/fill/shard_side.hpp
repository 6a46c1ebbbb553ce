#pragma once

#include "fill/run_context.hpp"
#include "fill/shard_claims.hpp"
#include "fill/shard_news.hpp"
#include "plan/share.hpp"
#include "shard/ownership.hpp"
#include "shard/shard_log.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::fill {

// What makes a run one of several shards, which meet in the own cache and nowhere else: it builds its share, waits for
// what others publish, hears what they say, takes over what those that are gone have left, and takes from the slowest
// when it has nothing left to start.
class ShardSide {
  public:
    // `run_id` names the run of all shards; `self` is the number of this one in the cut.
    ShardSide(RunContext& run, std::string run_id, const report::ShardPlan& cut, std::size_t self);
    ~ShardSide();
    ShardSide(const ShardSide&) = delete;
    ShardSide& operator=(const ShardSide&) = delete;

    // Once the caches are known: what is planned from now on is the share of this shard. A failure if others' paths
    // could not be fetched here.
    Result<void> begin();
    // Tells that this shard is there, and listens, until it is cancelled.
    async::Task<void> keep_in_touch();
    // Tells that nothing more will come from this shard. Takes as long as a last word may.
    async::Task<void> finish();

    report::ShardReport report() const;

  private:
    // One of the others, as far as it was heard.
    struct Fellow {
        async::Clock::TimePoint heard; // or when this shard began to listen
        bool has_finished = false;
    };
    using Paths = std::set<nix::StorePath>;
    using Infos = std::map<nix::StorePath, nix::NarInfo>;

    std::optional<plan::FailedElsewhere> why_not_built(const plan::GraphDerivation& derivation) const;
    async::Task<void> speak();
    async::Task<void> take_from_the_slowest();
    bool stays();
    async::Task<Result<void>> say(shard::LogEntry::Said said);
    async::Task<void> look();
    async::Task<Result<bool>> find_news(async::Clock::TimePoint now);
    async::Task<Result<Paths>> find_there(Paths paths);
    async::Task<Result<Infos>> narinfos(Paths paths);
    async::Task<Result<bool>> listen(const Paths& there);
    bool hear(std::size_t shard, const shard::ShardLog::Read& read);
    std::vector<std::size_t> find_gone(async::Clock::TimePoint now) const;
    Paths left_by(std::size_t fellow) const;
    Paths awaited() const;
    async::Task<bool> note_there(Paths there);
    bool is_output(const nix::StorePath& path) const; // of a derivation; no entry of a log
    bool is_known_there(const nix::StorePath& path) const;
    void note_outage(const Failure& why);

    RunContext& run_;
    std::string run_id_;
    shard::Ownership ownership_;
    ShardNews news_;
    ShardClaims claims_;
    std::optional<shard::ShardLog> log_;
    std::map<std::size_t, Fellow> fellows_;
    std::optional<async::Clock::TimePoint> spoke_;              // last; empty: never
    std::optional<async::Clock::TimePoint> listened_;           // last, with an answer or not
    std::map<nix::StorePath, async::Clock::TimePoint> noticed_; // of others, and when they were seen
    bool is_out_ = false;                                       // the cache did not answer the last time
    std::chrono::milliseconds pause_;
    async::Nap nap_; // between looks
    // Whoever has nothing left to do hears once more what others have left before it ends.
    bool is_look_wanted_ = false, was_last_look_ = false;
};

} // namespace cachefill::fill
