#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace cachefill::plan {

struct GraphDerivation;

// What this machine (and its builders) can build.
struct BuildAbility {
    std::set<std::string> platforms; // "builtin" is always among them
    std::set<std::string> features;
    // It takes only what requires all of these (the last but one field of Nix's `builders`), and has them, too.
    std::set<std::string> mandatory_features = {};
    bool builds = true; // no: max-jobs = 0
    // Of a remote builder: its line in Nix's `builders`, and how many builds it takes at once.
    std::string builder = {};
    std::size_t slots = 0;
    std::string address() const { return builder.substr(0, builder.find_first_of(" \t")); }
    // Together on one machine: a derivation must fit one entry whole. The first is this machine.
    static bool fits(const GraphDerivation& derivation, const std::vector<BuildAbility>& machines);
    bool can_build(const GraphDerivation& derivation) const;
    bool has(const std::string& feature) const;
    // What it takes to build one that fits none of them: "a vax-vms machine", "an x86_64-linux machine with the feature
    // kvm".
    static std::string wanted(const GraphDerivation& derivation, const std::vector<BuildAbility>& machines);
};

} // namespace cachefill::plan
