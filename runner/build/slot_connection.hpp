#pragma once

#include "async/task.hpp"
#include "daemon/connection.hpp"

#include <memory>

namespace cachefill::build {

// The connection of one slot: made anew, with those of these options that the daemon hears, if there is none or it
// broke.
async::Task<Result<void>> ensure_connected(std::unique_ptr<daemon::Connection>& connection,
                                           const daemon::Endpoint& endpoint, daemon::Options options);

} // namespace cachefill::build
