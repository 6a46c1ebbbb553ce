#pragma once

#include "presence/closure_reader.hpp"
#include "report/closure_difference.hpp"

#include <chrono>

namespace cachefill::session {

// What `after` has that `before` had not, and the other way round, as far as the reader finds both within `limit`. A
// `store` that is cut off then stays so.
async::Task<Result<report::ClosureDifference>> closure_changes(presence::ClosureReader& reader, nix::StorePath before,
                                                               nix::StorePath after, plan::CacheMask caches,
                                                               daemon::Connection& store,
                                                               std::chrono::steady_clock::duration limit);

} // namespace cachefill::session
