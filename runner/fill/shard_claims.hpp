#pragma once

#include "async/clock.hpp"
#include "fill/run_context.hpp"
#include "shard/claims.hpp"
#include "shard/log_entry.hpp"
#include "shard/ownership.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace cachefill::fill {

// What one of several shards takes from the slowest of its kind once it has nothing left to start, and what it leaves
// to others that ask for some of its own. Whoever would take something says so (it claims); the owner, which alone
// knows what it has begun, answers with what it leaves to that one and does not begin it any more. So nothing is built
// twice, however many ask at once.
class ShardClaims {
  public:
    // Both outlive this.
    ShardClaims(RunContext& run, shard::Ownership& ownership) : run_(run), ownership_(ownership) {}

    // What the next entry of this shard says of it, and that it has arrived.
    void put_into(shard::LogEntry& entry);
    void told(const shard::LogEntry& entry);
    bool has_something_to_tell() const;

    // What another has said. True: something is different from what it was.
    bool hear(std::size_t shard, const shard::LogEntry& entry);
    void note_gone(std::size_t shard);

    // Has this shard nothing left to start, while another has so much that taking some of it may pay?
    bool may_take() const;
    // The one to take from now, if so; there is one claim at a time.
    std::optional<std::size_t> slowest() const;
    // Claims what pays of what it owns. `there`: outputs that the cache was just found to have.
    void claim_from(std::size_t shard, const std::set<nix::StorePath>& there);

  private:
    struct Fellow {
        std::chrono::milliseconds left{};
        bool is_in_vain = false; // by what it said last, nothing can be taken from it
    };
    bool pays(std::size_t shard) const;
    bool is_idle() const;
    shard::Pace pace() const;
    std::chrono::milliseconds left() const;
    void answer(std::size_t to, const shard::GivenBuilds& claim);

    RunContext& run_;
    shard::Ownership& ownership_;
    std::map<std::size_t, Fellow> fellows_;
    std::optional<shard::GivenBuilds> claim_; // not answered
    bool is_claim_told_ = false;
    async::Clock::TimePoint answer_due_;      // nobody stays for one that comes later
    std::vector<shard::GivenBuilds> answers_; // not told
    std::chrono::milliseconds left_told_{};   // last
};

} // namespace cachefill::fill
