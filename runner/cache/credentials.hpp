#pragma once

#include "base/environment.hpp"
#include "cache/attic_login.hpp"
#include "cache/aws_identity.hpp"
#include "cache/cache_uri.hpp"
#include "cache/niks3_login.hpp"
#include "http/logins.hpp"
#include "nix/signature.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cachefill::cache {

// Where credentials come from: the environment, files named in the configuration, or files of this user that hold
// tokens (cache/token_store.hpp); never the command line.
struct Credentials {
    std::optional<Secret> token;                    // CACHIX_AUTH_TOKEN
    std::string token_source = "CACHIX_AUTH_TOKEN"; // where that is from, for people: a variable, or "the file …"
    std::optional<Secret> bearer;                   // CACHEFILL_BEARER_TOKEN(_FILE): for plain caches, where uploads go
    std::optional<Secret> read_bearer;              // the same for where such a cache is read
    http::Logins logins = http::Logins::all;        // by whose word the cache is asked: more than these it does not get
    std::optional<nix::SecretKey> signing_key;      // CACHEFILL_SIGNING_KEY(_FILE), CACHIX_SIGNING_KEY; both spellings
    AwsIdentity aws;                                // for s3; no key in it: nothing is signed
    AtticLogin attic;                               // for attic
    Niks3Login niks3;                               // for niks3
    bool key_is_a_guess = false;                    // found in cachix's own file, where those of former times may be
    std::vector<std::string> passed_over; // files that might have held the token, each with why it was not taken
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

// The token of a Cachix cache, where credentials_from() may have found one: by the cache's own variable, else that one,
// else from a file: stored by `cachefill login`, cachix's own (with the signing key, if there is none), or netrc. A
// file that cannot be used is no failure: it may not be needed.
Result<void> find_token_of(Credentials& credentials, const Environment& environment, const CacheUri& uri);

// The bearer tokens of a plain cache, for writing and for reading it, where credentials_from() may have found one.
Result<void> find_bearers(Credentials& credentials, const Environment& environment, const CacheUri& uri);

// Who we are to a bucket or a server of attic or niks3; a usage failure for what is asked for and cannot be had
// (find_aws_identity, find_attic_login, find_niks3_login).
Result<void> find_identity_of(Credentials& credentials, const Environment& environment, const CacheUri& uri,
                              AtticCacheIs whose);

// What to say of a cache that has no bearer token although one without a name is set: it would go over plain http.
std::optional<Failure> why_bearer_is_withheld(const Environment& environment, const CacheUri& uri,
                                              const Credentials& credentials);

// For a cache that is only read, and not ours: what is there under its own name, never what is meant for another. A
// bucket is asked as who we are, which tells it no secret.
Result<Credentials> credentials_to_read(const Environment& environment, const CacheUri& uri);

// The variable, and so the file of a stored token, of one cache alone: of a plain one that of the server that takes the
// uploads. A usage failure for what takes no token.
Result<std::string> token_name(const CacheUri& uri);
// The variable of all caches of that kind: "CACHIX_AUTH_TOKEN". Empty: they ask for no token.
std::string token_variable(Scheme scheme);

// For a hint: how the server behind this URL, or this cache, can be told who asks.
std::string ways_to_log_in(std::string_view url);
std::string ways_to_log_in(const CacheUri& uri);

} // namespace cachefill::cache
