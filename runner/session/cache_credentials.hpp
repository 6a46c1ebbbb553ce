#pragma once

#include "base/environment.hpp"
#include "cache/binary_cache.hpp"
#include "cache/credentials.hpp"
#include "daemon/settings.hpp"
#include "options/settings.hpp"

namespace cachefill::session {

// Which of the environment's tokens and keys a cache gets, by who named it. What only a checkout named gets none: its
// path on a host that others share is the checkout's choice, too. (Cachix gets its own token, whatever the cache is
// called.)

// Of the cache that --cache and its like name.
Result<cache::Credentials> credentials_for_own(const options::Settings& settings, const Environment& environment,
                                               const cache::CacheUri& uri);
// Of another one, to read: what is there under its own name, if it is given (--upstream) or one of this machine's Nix.
cache::Credentials credentials_for_upstream(const options::Settings& settings, const daemon::Settings& nix,
                                            const Environment& environment, const cache::CacheUri& uri);

} // namespace cachefill::session
