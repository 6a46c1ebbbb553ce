#pragma once

#include "plan/plan.hpp"

#include <vector>

namespace cachefill::plan {

// Every path that consumers of this target must be able to fetch, with all it references: its outputs, for the one who
// is given the path; and for the one who evaluates also what evaluation reads, and the inputs of each local-by-design
// derivation met on the way, which it builds whatever a cache has. Sorted; without outputs whose path is not known.
std::vector<PathId> needed_paths(const Graph& graph, const Target& target);

} // namespace cachefill::plan
