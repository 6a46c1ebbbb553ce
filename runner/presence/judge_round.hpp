#pragma once

#include "async/task_group.hpp"
#include "presence/judge.hpp"

#include <set>

namespace cachefill::presence {

// One round of asking: the coroutines at work and what they have taken on.
struct Judge::Round {
    Round(async::Executor executor, std::size_t views) : group(executor), upstream_views(views) {}
    async::TaskGroup group;
    std::set<plan::PathId> taken;
    std::size_t upstream_views; // known when it began
};

} // namespace cachefill::presence
