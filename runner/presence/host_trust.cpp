#include "presence/host_trust.hpp"

namespace cachefill::presence {

HostTrust trust_of(std::string name, const std::optional<nix::CacheSettings>& says, const MachineTrust& machine) {
    HostTrust host;
    host.name = std::move(name);
    if (says) host.says = *says;
    host.says_something = says && says->says_something();
    // What the configuration of a whole machine leaves out is there as Nix has it by default; a user's own goes on top
    // of the machine's.
    bool is_of_machine =
        says && (says->words == nix::SettingsWords::settings || says->words == nix::SettingsWords::binary_caches);
    if (host.says.substitute.value_or(is_of_machine || machine.substitutes))
        host.substituters = host.says.substituters.over(machine.substituters);
    host.keys = host.says.require_sigs.value_or(is_of_machine || machine.require_sigs)
                    ? nix::TrustedKeys(host.says.trusted_public_keys.over(machine.trusted_public_keys))
                    : nix::TrustedKeys::everybody();
    return host;
}

nix::TrustedKeys keys_of(const MachineTrust& machine) {
    return machine.require_sigs ? nix::TrustedKeys(machine.trusted_public_keys) : nix::TrustedKeys::everybody();
}

} // namespace cachefill::presence
