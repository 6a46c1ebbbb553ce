#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace cachefill::nix {

// A version of Nix, or of what is like it: Lix counts on from 2.90, Determinate Nix tells the Nix it is made from last.
struct Version {
    std::string text; // "2.8.0", "2.31.0pre20250712_b1245123"
    std::uint64_t major = 0, minor = 0;

    bool is_at_least(std::uint64_t wanted_major, std::uint64_t wanted_minor) const;
};

// What `nix --version` printed: "nix (Nix) 2.8.0", "nix (Lix, like Nix) 2.93.1", "nix (Determinate Nix 3.8.5) 2.30.2".
// A machine failure when it names no version, or one older than 2.8, the oldest that is supported.
Result<Version> parse_version(std::string_view printed);

} // namespace cachefill::nix
