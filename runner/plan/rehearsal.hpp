#pragma once

#include "plan/cut_placement.hpp"

namespace cachefill::plan {

// When each shard would be done if every build took as long as expected: a free slot takes the first build of its
// shard's order that lacks nothing, and keeps nothing free for a more urgent one that is about to arrive.
std::vector<CutWork::Time> rehearse(const CutWork& work, const Placement& placement, std::size_t slots);

} // namespace cachefill::plan
