#pragma once

#include "plan/plan.hpp"

#include <functional>
#include <optional>
#include <vector>

// What one of several machines does of a plan, when they build it together and meet in the own cache.
namespace cachefill::plan {

struct Division {
    // Does this machine build it, whether or not it publishes it?
    std::function<bool(DerivationId)> is_built_here;
    // Does it publish it? Of what it builds only for itself, as a copy, another machine's outputs go up.
    std::function<bool(DerivationId)> is_published_here;
    // Why it will not be built by the machine that was to build it, if that is known.
    std::function<std::optional<FailedElsewhere>(DerivationId)> failure;
};

// The builds of this machine. What they need of others' is among what they fetch: it may be fetched once the own cache
// has it. Others' builds that failed, and what that blocks, stay in it, so that it is known what the failure costs.
// What is in the own cache and is to be built all the same, as this machine could not fetch it, is built here, and so
// is what has no path before it is built.
Plan share_of(Plan whole, const Graph& graph, const Facts& facts, const Division& division);

// Of what the builds of a share fetch that which others have yet to publish, each once.
std::vector<PathId> awaited(const Plan& share, const Graph& graph, const Facts& facts);

} // namespace cachefill::plan
