#pragma once

#include "daemon/connection.hpp"

#include <memory>

namespace cachefill::daemon {

// A connection that is made anew when it breaks (a daemon's worker process that was killed, a daemon that restarted),
// with its options, its log sink and its temporary roots; the request that found it broken is repeated once. Builds,
// deletions and what is added are not: whoever asked for them knows what that means. Between the break and the next
// request nothing is rooted.
async::Task<Result<std::unique_ptr<Connection>>> connect_lasting(Endpoint endpoint);

} // namespace cachefill::daemon
