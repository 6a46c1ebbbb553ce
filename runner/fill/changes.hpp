#pragma once

#include "fill/fleet.hpp"
#include "fill/run_context.hpp"
#include "fill/since_last.hpp"

namespace cachefill::fill {

// What a run finds changed in its targets since each was last complete on its branch; of a pull request: on its base.
class Changes {
  public:
    Changes(RunContext& run, Fleet& fleet)
        : run_(run), fleet_(fleet), since_last_(run.judge, run.graph, run.facts, run.clock) {}

    // To be called before this run writes a manifest of its own; the first call counts.
    async::Task<void> read_manifest();
    // For the records of those that are complete, or were built by a run that pushes nothing.
    async::Task<void> find();
    // The target's output when it was last complete; empty if it is not known.
    std::string last_complete(const std::string& target) const { return since_last_.output_of(target); }

  private:
    RunContext& run_;
    Fleet& fleet_;
    SinceLast since_last_;
};

} // namespace cachefill::fill
