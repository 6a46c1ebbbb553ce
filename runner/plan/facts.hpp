#pragma once

#include "plan/graph.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace cachefill::plan {

// Caches by number: 0 is the one we fill, 1… are upstreams. Above them are views (presence/views.hpp): a cache as those
// see it who trust some key. A view is never asked; it may be present in the facts and in what counts.
using CacheMask = std::uint64_t;
inline constexpr std::size_t mask_bits = 64;
inline constexpr std::size_t most_caches = 32; // that a mask tells apart
inline constexpr std::size_t first_view = most_caches;
inline constexpr std::size_t own_cache = 0;
inline CacheMask bit(std::size_t cache) { return CacheMask{1} << cache; }
inline constexpr CacheMask all_caches = ~CacheMask{0};                      // and all views of them
inline constexpr CacheMask every_cache = (CacheMask{1} << most_caches) - 1; // without views

// What is known of one store path in this run. Presence never looks at allowSubstitutes and demands an acceptable
// narinfo; who asks records only acceptable ones (a bad signature or a 404 is absent).
struct PathFacts {
    CacheMask asked = 0;          // caches whose answer about a narinfo is known
    CacheMask present = 0;        // of those, the ones that serve an acceptable narinfo
    CacheMask unknown = 0;        // caches that may have it and could not be asked; nobody asks them again
    bool claimed_missing = false; // the own cache's bulk answer says missing: no narinfo need be asked for
    bool claimed_there = false;   // … says not missing
    bool refused = false; // the own cache shows one that nobody believes, and keeps it: absent, and not to be put there
    std::optional<bool> valid_here; // in this machine's store
    bool fetch_failed = false;      // present, but this machine's daemon could not fetch it: built instead
    bool fetch_waits = false; // present, but this machine's daemon could not reach it for as long as we wait: not built
    std::vector<PathId> references; // from a narinfo (or the store, if valid here and absent remotely); self left out
    bool references_known = false;
    std::uint64_t nar_size = 0;  // 0: not known
    std::uint64_t file_size = 0; // compressed, 0: not known
};

// Facts by path; grows with the graph.
class Facts {
  public:
    PathFacts& of(PathId id) {
        if (index(id) >= facts_.size()) facts_.resize(index(id) + 1);
        return facts_[index(id)];
    }
    const PathFacts& of(PathId id) const {
        static const PathFacts nothing;
        return index(id) < facts_.size() ? facts_[index(id)] : nothing;
    }

  private:
    std::vector<PathFacts> facts_;
};

} // namespace cachefill::plan
