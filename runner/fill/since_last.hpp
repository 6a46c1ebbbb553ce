#pragma once

#include "async/clock.hpp"
#include "presence/closure_reader.hpp"
#include "report/closure_difference.hpp"

#include <map>
#include <optional>
#include <string>

namespace cachefill::fill {

// What each target was when it was last complete, as the branch's manifest in the own cache has it, and what has
// changed since. Nothing hangs on it: what cannot be told within its bounds is left out.
class SinceLast {
  public:
    // All outlive it.
    SinceLast(presence::Judge& judge, plan::Graph& graph, const plan::Facts& facts, const async::Clock& clock);

    // The first call reads, so that what this run writes there later does not count.
    async::Task<void> read_manifest(std::string branch, std::string system);
    // The target's output then; empty if it is not known.
    std::string output_of(const std::string& target) const;

    // `caches` may have what `now` is made of, and had what it was. A `store` that is cut off in the middle stays so.
    async::Task<std::optional<report::ClosureDifference>> compare(std::string target, nix::StorePath now,
                                                                  plan::CacheMask caches, daemon::Connection& store);

  private:
    presence::Judge& judge_;
    presence::ClosureReader reader_;
    const async::Clock& clock_;
    bool has_read_ = false;
    std::map<std::string, std::string> outputs_; // by target
    async::Clock::Duration time_left_;
};

} // namespace cachefill::fill
