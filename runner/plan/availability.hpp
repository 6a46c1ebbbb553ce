#pragma once

#include "plan/plan.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace cachefill::plan {

enum class Known : std::uint8_t { no, unknown, yes };

// Of one path, under the caches that count for it.
// `undecided`: nobody has it, but a cache that may have it could not be asked. It is never taken for absent.
enum class Presence : std::uint8_t { open, present, absent, undecided };

// Caches of `counting` whose answer is still wanted: not asked yet, not given up, and not settled by the own cache's
// bulk answer.
CacheMask unasked(const PathFacts& facts, CacheMask counting);
// The same with the views in which an answer would count; 0 if there is nothing to ask.
CacheMask to_ask(const PathFacts& facts, CacheMask counting);
Presence presence(const PathFacts& facts, CacheMask counting);

// Who makes an input that a derivation names as an output of `named`. Several derivations may make one fixed output;
// one of them is enough.
inline DerivationId maker(const Graph& graph, DerivationId named, PathId path) {
    return path == no_path ? named : graph.producer(path)->derivation;
}

// The reference edges in `facts`, backwards. Badness (a hole, an open question) travels along them, which, unlike a
// walk that remembers results, also ends and is right where foreign narinfos claim a circle.
class Referrers {
  public:
    Referrers(const Facts& facts, std::size_t path_count);
    std::span<const PathId> of(PathId path) const {
        return {referrers_.data() + begin_[index(path)], begin_[index(path) + 1] - begin_[index(path)]};
    }

  private:
    std::vector<std::size_t> begin_;
    std::vector<PathId> referrers_;
};

// What can be got here, for every path and derivation; where a question is open: unknown.
struct Availability {
    Availability(const Graph& graph, const Facts& facts, const std::vector<Target>& targets, const Policy& policy);

    std::vector<CacheMask> counting;
    // By path: this machine's daemon can have it without building: valid, or it and all its references can be fetched.
    std::vector<Known> fetchable;
    // By derivation: a machine here fits it, and each input is fetchable or buildable.
    std::vector<Known> buildable;
    std::vector<bool> fits; // by derivation: a machine here fits it

    // Can an input of a build, made by `derivation`, be had: fetched, or else built?
    Known obtainable(PathId path, DerivationId derivation, const Facts& facts) const;
    Known obtainable_source(PathId path, const Facts& facts) const;

    // Present in a cache that this daemon may fetch from (its references aside).
    bool served_here(PathId path, const Facts& facts) const {
        if (facts.of(path).fetch_failed || facts.of(path).fetch_waits) return false;
        return (facts.of(path).present & counting[index(path)] & fetchable_here) != 0;
    }
    CacheMask fetchable_here;

  private:
    void find_fetchable(const Graph& graph, const Facts& facts);
    void find_buildable(const Graph& graph, const Facts& facts, const Policy& policy);
};

} // namespace cachefill::plan
