#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "cache/attic_place.hpp"
#include "cache/niks3_place.hpp"
#include "cache/s3_place.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cachefill::cache {

enum class Scheme { cachix, http, file, s3, attic, niks3 };

// NAME or cachix://NAME (Cachix) · https://… and http://… (plain binary cache) · file:///dir (directory)
// · s3://BUCKET (a bucket of AWS or, with ?endpoint=URL, of another server that speaks its language)
// · attic://[SERVER/]CACHE (see AtticPlace) · niks3://HOST (see Niks3Place).
// What may be shown and what is used are two things, because a URL may hold a password. A plain cache that takes
// uploads elsewhere than it is read says so with ?push=URL, or ?push=/PATH on the same server.
struct CacheUri {
    Scheme scheme = Scheme::cachix;
    std::string name;            // to show. cachix: the cache's name; others: the URL without password and parameters
                                 // (but for the endpoint of s3, which tells two buckets of one name apart)
    Secret base;                 // http: what is asked. User and password stay in it; no parameters, no trailing '/'
    Secret push_base;            // http: where uploads go, if elsewhere; like `base`
    std::string directory;       // file: decoded
    S3Place s3;                  // s3
    AtticPlace attic;            // attic
    Niks3Place niks3;            // niks3
    std::optional<int> priority; // ?priority=N
    bool trusted = false;        // ?trusted=1: signatures are not asked for
    bool optional = false;       // ?optional=1: may be away; then nothing waits for it
    std::string parameters;      // as given, those that are for cachefill alone (optional, push) left out

    // A usage failure for what is none of these; it names what was given and shows the forms.
    static Result<CacheUri> parse(std::string_view text);
    // Canonical, to tell caches apart and to show: no password, no parameters, no trailing '/'.
    std::string to_string() const;
    const Secret& place_to_push() const { return push_base.empty() ? base : push_base; }
};
// As a Nix configuration names it: there a bare word is no Cachix cache. Empty: nothing that we can ask.
std::optional<CacheUri> parse_substituter(const std::string& text);
// What two spellings of one substituter have in common, see CacheUri::to_string(); the text itself, without a password,
// if it is none.
std::string canonical_url(const std::string& text);

} // namespace cachefill::cache
