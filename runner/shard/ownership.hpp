#pragma once

#include "nix/store_path.hpp"
#include "plan/plan.hpp"
#include "report/shards.hpp"
#include "shard/log_entry.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace cachefill::shard {

// What a shard said of a build of its own, to whoever needs it.
plan::FailedElsewhere failed_there(std::size_t shard, const FailedBuild& build);

// Who builds what, as one shard knows it at this moment: by the cut, and by what has become of the shards since. Shards
// are numbered from 1. What a shard that is gone has left undone goes, derivation by derivation, to one of those that
// are there and have the same kind of machine. All who know the same come to the same without asking each other; while
// they do not, a derivation may be built twice, or for a while by nobody.
class Ownership {
  public:
    // `self` is one of the cut's shards.
    Ownership(const report::ShardPlan& cut, std::size_t self);

    std::size_t self() const { return self_; }
    std::size_t size() const { return machines_.size(); } // shards

    // Gone is whoever has finished, or has been silent for too long. It may come back.
    void note_gone(std::size_t shard) { gone_.insert(shard); }
    void note_there(std::size_t shard) { gone_.erase(shard); }
    bool is_gone(std::size_t shard) const { return gone_.contains(shard); }
    void note_failed(std::size_t shard, const FailedBuild& build);

    // Empty: the cut does not know it, or nobody who is there could build it.
    std::optional<std::size_t> owner(const nix::StorePath& derivation) const;
    bool is_known(const nix::StorePath& derivation) const { return entries_.contains(derivation); }
    // Is it this shard that builds it, as its owner or for itself alone? What the cut does not know, and this machine
    // could build, goes to one of those with the same kind of machine.
    bool is_built_here(const nix::StorePath& derivation) const;
    bool is_published_here(const nix::StorePath& derivation) const;
    // Whatever has become of the shards since: the cut gave it to others alone.
    bool is_by_cut_anothers(const nix::StorePath& derivation) const;
    // It failed on another shard, or all who could build it are gone.
    std::optional<plan::FailedElsewhere> failure(const nix::StorePath& derivation) const;
    std::optional<plan::ExpectedTime> expected_time(const nix::StorePath& derivation) const;

  private:
    struct Entry {
        std::size_t owner;
        bool is_copied_here;
        plan::ExpectedTime expected;
    };
    std::optional<std::size_t> heir(const nix::StorePath& derivation, const std::string& machine) const;

    std::size_t self_;
    std::vector<std::string> machines_; // by number, less one
    std::unordered_map<nix::StorePath, Entry> entries_;
    std::set<std::size_t> gone_;
    std::unordered_map<nix::StorePath, plan::FailedElsewhere> failed_;
};

} // namespace cachefill::shard
