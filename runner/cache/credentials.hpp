#pragma once

#include "base/environment.hpp"
#include "cache/cache_uri.hpp"
#include "nix/signature.hpp"

#include <optional>
#include <string>

namespace cachefill::cache {

// Where credentials come from: the environment, or files named in the configuration; never the command line.
struct Credentials {
    std::optional<Secret> token;               // CACHIX_AUTH_TOKEN
    std::optional<Secret> bearer;              // CACHEFILL_BEARER_TOKEN(_FILE): for plain caches, where uploads go
    std::optional<Secret> read_bearer;         // the same for where such a cache is read
    std::optional<nix::SecretKey> signing_key; // CACHEFILL_SIGNING_KEY(_FILE), CACHIX_SIGNING_KEY; both spellings
};
// A malformed key is a usage failure that names the variable, never its content.
Result<Credentials> credentials_from(const Environment& environment);

// The variable that holds a credential for one cache only: CACHIX_AUTH_TOKEN_ALEX_NIXOS for cachix://alex-nixos,
// CACHEFILL_SIGNING_KEY_CACHE_EXAMPLE_ORG for https://cache.example.org/nix, …_MIRROR for file:///srv/mirror: the name,
// the host or the last directory in capitals, with '_' for all that is neither letter nor digit. In a host '-' is "__",
// so that no other host has the same name: …_MY__NAS_EXAMPLE_ORG for https://my-nas.example.org.
std::string credential_name(std::string_view variable, const CacheUri& uri);

// Those of that cache only, where they are set; else those of credentials_from(). The bearer token without a name is
// for the server that takes the uploads, and so for another one that is read only by that one's name. No bearer token
// is for plain http, but to this machine itself: one of that cache is a usage failure, the one without a name stays.
Result<Credentials> credentials_for(const Environment& environment, const CacheUri& uri);

// The bearer tokens of a plain cache, for writing and for reading it, where credentials_from() may have found one.
Result<void> find_bearers(Credentials& credentials, const Environment& environment, const CacheUri& uri);

// What to say of a cache that has no bearer token although one without a name is set: it would go over plain http.
std::optional<Failure> why_bearer_is_withheld(const Environment& environment, const CacheUri& uri,
                                              const Credentials& credentials);

// For a cache that is only read, and not ours: what is there under its own name, never what is meant for another.
Result<Credentials> credentials_to_read(const Environment& environment, const CacheUri& uri);

// For a hint: how the server behind this URL can be told who asks.
std::string ways_to_log_in(std::string_view url);

} // namespace cachefill::cache
