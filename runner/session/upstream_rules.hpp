#pragma once

#include "presence/upstreams.hpp"
#include "session/session.hpp"

namespace cachefill::session {

presence::MachineTrust machine_trust(const daemon::Settings& nix);
// What counts for a run or for what is pushed from here, by the session's settings. `own`: the cache that is filled.
presence::UpstreamRules upstream_rules(const Session& session, const cache::CacheInfo& own);
// Makes the caches of presence::Upstreams; the session outlives it.
presence::Upstreams::Make upstream_maker(Session& session);

} // namespace cachefill::session
