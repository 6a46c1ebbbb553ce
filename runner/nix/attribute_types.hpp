#pragma once

#include "nix/derivation.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace cachefill::nix {

// A structured attribute that Nix reads and that is of another type than Nix wants. Nix throws when it is about to
// build, and what it says does not always name the attribute.
struct OddAttribute {
    std::string name; // "outputChecks.out.maxSize"
    std::string found, wanted;
    bool is_always_refused = false; // by every Nix from 2.8 on, wherever it builds; else some do not look
    std::string in_words() const { return "its attribute '" + name + "' is " + found + ", and must be " + wanted; }
};

// In the order in which Nix's own table has them (2.8: libstore/parsed-derivations.cc and
// build/local-derivation-goal.cc, 2.34: libstore/derivation-options.cc).
std::vector<OddAttribute> odd_attributes(const nlohmann::json& attributes);
// The same of a derivation; none if its attributes are not structured, or not readable at all.
std::vector<OddAttribute> odd_attributes(const Derivation& derivation);

} // namespace cachefill::nix
