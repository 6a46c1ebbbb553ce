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
#include <utility>
#include <vector>

namespace cachefill::shard {

// What a shard said of a build of its own, to whoever needs it.
plan::FailedElsewhere failed_there(std::size_t shard, const FailedBuild& build);

// Who builds what, as one shard knows it at this moment: by the cut, and by what has become of the shards since. Shards
// are numbered from 1. What a shard that is gone has left undone goes, derivation by derivation, to one of those that
// are there and have the same kind of machine. What a shard that is there has left to another is that one's, until it
// is gone. All who know the same come to the same without asking each other; while they do not, a derivation may be
// built twice, or for a while by nobody.
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
    // What `by` has said that it leaves to `to`, although it is there itself. Of two such words the later one counts.
    void note_given(std::size_t by, const nix::StorePath& derivation, std::size_t to) {
        given_.insert_or_assign({by, derivation}, to);
    }
    void note_failed(std::size_t shard, const FailedBuild& build);

    // Empty: the cut does not know it, or nobody who is there could build it.
    std::optional<std::size_t> owner(const nix::StorePath& derivation) const;
    bool is_known(const nix::StorePath& derivation) const { return entries_.contains(derivation); }
    // Is its owner one to whom it was left? Then it is not left to yet another.
    bool is_given(const nix::StorePath& derivation) const;
    using Given = std::map<std::pair<std::size_t, nix::StorePath>, std::size_t>; // by whom and what; to whom
    const Given& given() const { return given_; }                                // whatever has become of it since
    // Could this one build what that one can?
    bool is_like(std::size_t shard) const { return machines_.at(shard - 1) == machines_.at(self_ - 1); }
    // The later a shard was to begin it, the higher; of what the cut does not know, 0.
    std::size_t place(const nix::StorePath& derivation) const;
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
        std::size_t place; // in its order
        bool is_copied_here;
        plan::ExpectedTime expected;
    };
    std::optional<std::size_t> heir(const nix::StorePath& derivation, const std::string& machine) const;
    std::optional<std::size_t> before_it_was_given(const nix::StorePath& derivation, std::size_t by_cut) const;
    std::optional<std::size_t> taker(std::size_t from, const nix::StorePath& derivation) const; // that is there

    std::size_t self_;
    std::vector<std::string> machines_; // by number, less one
    std::unordered_map<nix::StorePath, Entry> entries_;
    std::set<std::size_t> gone_;
    Given given_;
    std::unordered_map<nix::StorePath, plan::FailedElsewhere> failed_;
};

} // namespace cachefill::shard
