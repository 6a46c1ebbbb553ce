#pragma once

#include "async/clock.hpp"
#include "async/retry_policy.hpp"
#include "async/worker_pool.hpp"
#include "cache/binary_cache.hpp"
#include "cache/credentials.hpp"
#include "http/client.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace cachefill::cache {

// What every cache needs from the program. All outlive the cache.
struct CacheContext {
    async::Executor executor;
    http::Client& client;
    async::WorkerPool& workers;
    async::RetryPolicy retry;
    std::filesystem::path spool_directory;         // for NARs too large to hold while their hash is unknown
    std::string cachix_api = "https://cachix.org"; // CACHEFILL_CACHIX_API for tests and private servers
    bool for_writing = false;                      // a directory cache is created only then
    // It is a cache of our own: a path that it lacks is asked for past what proxies remember, too, where there is
    // reason to.
    bool is_own = false;
    const async::Clock& clock = async::real_clock();
};

std::unique_ptr<BinaryCache> make_cache(const CacheUri& uri, Credentials credentials, CacheContext context);

} // namespace cachefill::cache
