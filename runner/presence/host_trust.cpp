#include "presence/host_trust.hpp"

namespace cachefill::presence {

HostTrust trust_of(std::string name, const std::optional<nix::CacheSettings>& says, const MachineTrust& machine) {
    HostTrust host;
    host.name = std::move(name);
    if (says) host.says = *says;
    host.says_something = says && says->says_something();
    if (host.says.substitute.value_or(machine.substitutes))
        host.substituters = host.says.substituters.over(machine.substituters);
    host.keys = host.says.require_sigs.value_or(machine.require_sigs)
                    ? nix::TrustedKeys(host.says.trusted_public_keys.over(machine.trusted_public_keys))
                    : nix::TrustedKeys::everybody();
    return host;
}

nix::TrustedKeys keys_of(const MachineTrust& machine) {
    return machine.require_sigs ? nix::TrustedKeys(machine.trusted_public_keys) : nix::TrustedKeys::everybody();
}

} // namespace cachefill::presence
