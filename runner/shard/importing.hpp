#pragma once

#include "async/worker_pool.hpp"
#include "daemon/connection.hpp"
#include "shard/bundle.hpp"

#include <filesystem>
#include <string>

namespace cachefill::shard {

// Takes all that the file has: it is read once to its end and checked before anything is touched, then what its
// derivations expect is fetched as this machine's daemon fetches things, and then its store objects are added. They are
// kept from garbage collection as long as `store` lasts. `commit`: that it must be of, if it is not empty.
// Failures name the file or the path, and say what to do; nothing of a bad file is added.
async::Task<Result<Bundle>> take_bundle(async::WorkerPool& workers, std::filesystem::path file, std::string commit,
                                        daemon::Connection& store);

} // namespace cachefill::shard
