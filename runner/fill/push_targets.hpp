#pragma once

#include "cache/credentials.hpp"
#include "fill/pusher.hpp"
#include "options/settings.hpp"
#include "presence/opened_cache.hpp"
#include "session/session.hpp"

#include <set>
#include <string>
#include <vector>

namespace cachefill::async {
struct RetryPolicy;
}

namespace cachefill::fill {

// The caches that `push --watch` fills: push.caches, or the one that --cache names. A usage failure if there is none.
Result<std::vector<options::PushCache>> caches_to_watch_for(const options::Settings& settings);

// The one that a plain push goes to: --cache, which may give a name of push.caches, or the only one of those.
Result<options::PushCache> cache_to_push_to(const options::Settings& settings);

// The URLs of all configured caches but this one.
std::set<std::string> other_urls(const std::vector<options::PushCache>& caches, const options::PushCache& cache);

// From the files that it names, read now, else from the environment. Failures name the file, never its content.
Result<cache::Credentials> credentials_for(const options::PushCache& cache, const Environment& environment);

// Reaches the cache; with `for_writing` it must be allowed to write there.
async::Task<Result<presence::OpenedCache>> open_target(session::Session& session, options::PushCache cache,
                                                       bool for_writing, async::RetryPolicy retry);

} // namespace cachefill::fill
