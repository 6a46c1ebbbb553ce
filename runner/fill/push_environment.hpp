#pragma once

#include "daemon/connection.hpp"
#include "plan/plan.hpp"
#include "presence/judge.hpp"
#include "push/pipeline.hpp"

#include <functional>

namespace cachefill::fill {

// In the cache, whoever brought it there.
inline bool is_there(event::PushOutcome outcome) {
    return outcome == event::PushOutcome::published || outcome == event::PushOutcome::already_there;
}

// What a pipeline asks of its cache, answered by the judge that has it as its own: what is served there or by somebody
// who counts. `counting`: the caches that all trust who need a path, at the moment of asking. The judge learns what is
// published before `on_settled` hears of it. What else the environment may hold is for the caller to add. All of it
// outlives the environment.
push::PushEnvironment push_environment(const daemon::Endpoint& endpoint, presence::Judge& judge,
                                       std::function<plan::CacheMask(const nix::StorePath&)> counting,
                                       std::function<void(const nix::StorePath&, event::PushOutcome)> on_settled);

} // namespace cachefill::fill
