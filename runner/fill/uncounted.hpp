#pragma once

#include "event/message.hpp"
#include "fill/live_plan.hpp"
#include "presence/upstreams.hpp"
#include "report/run_report.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace cachefill::fill {

// Upstreams that were given (--upstream) and do not count for hosts that do not trust them: what they have of that
// which is about to be built is never left out in silence.
class Uncounted {
  public:
    // All of it outlives this.
    Uncounted(const plan::Graph& graph, const plan::Facts& facts, const presence::Judge& judge,
              const presence::Upstreams& upstreams, const LivePlan& live)
        : graph_(graph), facts_(facts), judge_(judge), upstreams_(upstreams), live_(live) {}

    // Have they what is about to be built? Nothing hangs on the answer but what is told.
    plan::Questions questions() const;
    // Looks at the plan of now; what is news of a cache and a host, as warnings to be told before anything is built.
    std::vector<event::Message> find();
    // All that was ever found: what has been built since is no longer in the plan.
    const std::vector<report::UncountedUpstream>& found() const { return found_; }
    // Of one path: a sentence for each upstream that has it and is not trusted by all who need it.
    std::string explain(plan::PathId path) const;

  private:
    std::vector<report::UncountedUpstream> look() const;
    std::vector<report::TrustLines> advice_for(std::size_t cache, const std::set<std::size_t>& hosts) const;

    const plan::Graph& graph_;
    const plan::Facts& facts_;
    const presence::Judge& judge_;
    const presence::Upstreams& upstreams_;
    const LivePlan& live_;
    std::vector<report::UncountedUpstream> found_;
    std::set<std::pair<std::string, std::string>> told_; // URL and host
};

// The outputs of a derivation whose paths are known.
std::vector<plan::PathId> outputs_of(const plan::GraphDerivation& derivation);

} // namespace cachefill::fill
