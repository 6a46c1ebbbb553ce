#pragma once

#include "nix/cache_settings.hpp"
#include "nix/trusted_keys.hpp"

#include <string>
#include <vector>

namespace cachefill::doctor {

// A cache that would help, if this machine only asked it, or believed it.
struct HelpfulCache {
    std::string url;
    std::vector<nix::PublicKey> keys;   // that sign there and that this machine does not believe
    std::vector<std::string> strangers; // names of keys that sign there, and that nobody here knows
    bool has_unsigned = false;          // something there is not signed at all
};

// Whom this machine's Nix believes, and in whose words its owner says so.
struct MachineBelief {
    nix::TrustedKeys keys;
    nix::CacheSettings words;
};

struct TrustRemedy {
    std::string text;                 // one sentence: why what is there is of no use here
    std::vector<std::string> options; // for a Nix command: "--option", name, value; empty: none would help
    std::string words;                // then: what to do
    std::vector<std::string> lines;   // for good
};

// `what`: names of what these caches have.
TrustRemedy remedy_for_not_asked(const MachineBelief& machine, const std::vector<HelpfulCache>& caches,
                                 const std::string& what);
TrustRemedy remedy_for_not_believed(const MachineBelief& machine, const std::vector<HelpfulCache>& caches,
                                    const std::string& what);

} // namespace cachefill::doctor
