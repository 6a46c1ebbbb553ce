#pragma once

#include "nix/cache_settings.hpp"
#include "nix/trusted_keys.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cachefill::presence {

// How the Nix of this machine is set.
struct MachineTrust {
    std::vector<std::string> substituters;        // as written
    std::vector<std::string> trusted_public_keys; // as written
    bool require_sigs = true;
    bool substitutes = true;
};

// Which caches a host's Nix asks on its own, and whom it believes. What its own configuration does not say, it has from
// the machine it will be on, of which nothing is known here but what this machine is like: NixOS says everything, a
// home mostly nothing or something more.
struct HostTrust {
    std::string name;                      // "nixos:nas"
    nix::CacheSettings says;               // its own configuration
    std::vector<std::string> substituters; // all that it asks, as written
    nix::TrustedKeys keys;
    bool says_something = false; // of caches; else it goes by the machine alone
};

HostTrust trust_of(std::string name, const std::optional<nix::CacheSettings>& says, const MachineTrust& machine);
// That of the machine itself.
nix::TrustedKeys keys_of(const MachineTrust& machine);

} // namespace cachefill::presence
