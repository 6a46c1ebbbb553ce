#pragma once

#include "async/clock.hpp"
#include "cache/binary_cache.hpp"
#include "push/pipeline.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::fill {

// A cache may take a while to show what it has just accepted.
inline constexpr std::chrono::seconds patience_with_new_paths{60}, pause_between_looks{2};
// Something else in a narinfo's place is not on its way; it may be of a moment all the same.
inline constexpr std::chrono::seconds patience_with_nonsense{6};

// Where to look, and for how long.
struct VanishedLook {
    async::Executor executor;
    async::Clock& clock;
    cache::BinaryCache& cache;
    const cache::CacheInfo& info;  // of the cache; outlives this
    std::function<bool()> is_over; // nobody waits for the answer any more
    // When the minute began for which the cache is waited for; empty: now.
    std::optional<async::Clock::TimePoint> since = {};
};

// Does the cache itself say that it is there, rather than a question that was answered with its narinfo: it took it, or
// had something under its name when it came?
bool is_claimed(const push::PushRecord& record);
std::vector<nix::StorePath> claimed(const push::Ledger& ledger);

// Paths that are not shown, each with what stands in place of its narinfo; empty: nothing does.
using Vanished = std::map<nix::StorePath, std::string>;

// Of these paths, which the cache says it has, those that it does not show, however often it is asked within a minute:
// nobody can fetch them. What is shown has its archive, too, if a bulk question sees that or the cache is asked for
// each path by itself. With is_over(): those that it has not shown so far. A Failure: it could not be asked.
async::Task<Result<Vanished>> find_vanished(VanishedLook at, std::vector<nix::StorePath> claimed);

inline constexpr const char* why_not_looked_at = "it went up, and this ended before the cache showed it";
// Of such a record. `instead`: as in Vanished.
std::string why_vanished(const push::PushRecord& record, const std::string& instead = {});

} // namespace cachefill::fill
