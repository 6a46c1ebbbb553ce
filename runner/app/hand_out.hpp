#pragma once

#include "async/task.hpp"
#include "base/result.hpp"
#include "report/shards.hpp"

#include <string>
#include <utility>
#include <vector>

namespace cachefill::fill {
class Run;
}

namespace cachefill::report {
struct RunReport;
}

namespace cachefill::session {
class Session;
}

namespace cachefill::app {

// What a plan for several machines hands to them.
struct HandedOut {
    report::ShardPlan cut;
    std::string matrix;      // GitHub's, in one line; empty where --matrix does not ask for it
    std::string bundle;      // the file that was written; empty: none
    std::string bundle_text; // what is in it, for people

    std::string text(std::size_t width) const; // for people
    // What later jobs of a workflow go by, as outputs of the step: `matrix`, `shards` and `bundle`.
    std::vector<std::pair<std::string, std::string>> step_outputs() const;
};

// A plan that could not be made, or not to its end, has no shards: neither none nor some. Of hosts that do not evaluate
// there is nothing to build.
bool can_hand_out(const fill::Run& run, const report::RunReport& report);

enum class Followed { by_nobody, by_last_job };

// Cuts what the run has planned, and writes the bundle where the settings name a file for it. `by_last_job`: a job that
// builds what is missing comes after all shards, on a machine like this one, as in workflows/fleet.yml. Then no shard
// is started that it can do without: not a single one for such a machine, and none where nothing may be pushed
// (`read-only`), so that they could not meet.
async::Task<Result<HandedOut>> hand_out(fill::Run& run, const session::Session& session, Followed followed);

} // namespace cachefill::app
