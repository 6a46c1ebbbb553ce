#pragma once

#include "report/shards.hpp"

namespace cachefill::session {
class Session;
}

namespace cachefill::fill {

class Run;

// Which of several machines would build what, after a run that went as far as the plan.
report::ShardPlan shard_plan(const Run& run, const session::Session& session);

} // namespace cachefill::fill
