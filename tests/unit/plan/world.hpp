#pragma once

#include "plan/plan.hpp"
#include "support/simulated_world.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::test {

// Store paths by short names: the digits are made from the name, which may be "name" or "name:output".
nix::StorePath store_path(std::string_view name);
nix::StorePath derivation_path(std::string_view name);

struct DerivationOptions {
    bool local = false; // allowSubstitutes = false
    bool light = false; // preferLocalBuild
    bool fixed = false;
    bool floating = false;
    std::vector<std::string> outputs = {"out"};
    std::vector<std::string> sources = {};
    std::string platform = "x86_64-linux";
    std::vector<std::string> features = {};
    std::string output_path = {}; // by name, if not that of the derivation
    std::string flaw = {};
    std::string builder = {};
};

// Graphs, caches and a store in a few words. A path is written "glibc" (output out of glibc), "glibc:dev", or
// "setup.sh" (a source); derivations come after their inputs.
class World {
  public:
    World();

    World& derivation(const std::string& name, const std::vector<std::string>& inputs = {},
                      const DerivationOptions& options = {});
    // Default: the own cache and upstream 1 are trusted.
    World& target(const std::string& name, plan::CacheMask trusted = 0b11);
    World& references(const std::string& path, const std::vector<std::string>& references);
    World& served(std::size_t cache, const std::vector<std::string>& paths);
    World& valid(const std::vector<std::string>& paths);

    // Plans until no question is left, and requires that no question was needless.
    const plan::Plan& settle();
    // Carries out the plan and forgets what was known.
    void execute();

    plan::PathId path(const std::string& name) { return graph.intern(store_path(name)); }
    plan::PathFacts& facts_of(const std::string& name) { return facts.of(path(name)); }
    plan::ConsumerView consume(bool always_allow_substitutes, plan::CacheMask trusted = 0b11);
    std::vector<std::string> explain(const std::string& path);

    // What a plan says, as names.
    std::vector<std::string> builds() const;
    std::vector<std::string> fetches() const { return names(plan.fetches); }
    std::vector<std::string> pushes() const { return names(plan.pushes); }
    std::vector<std::string> holes() const { return names(plan.unfillable_holes); }
    const plan::PlannedBuild& build(const std::string& name) const;
    std::vector<std::string> after(const std::string& build) const;
    std::vector<std::string> names(const std::vector<plan::PathId>& paths) const;
    std::vector<std::string> names(const std::vector<plan::DerivationId>& derivations) const;
    plan::TargetState state(std::size_t target = 0) const { return plan.targets.at(target).state; }

    std::map<nix::StorePath, nix::Derivation> derivations;
    plan::Graph graph;
    plan::Facts facts;
    plan::Policy policy; // one x86_64-linux machine with feature kvm that fetches from caches 0 and 1
    std::vector<plan::Target> targets;
    SimulatedWorld simulated;
    plan::Plan plan;
    std::size_t rounds = 0;
};

plan::Graph::Reader reader_of(const std::map<nix::StorePath, nix::Derivation>& derivations);
using Names = std::vector<std::string>;

} // namespace cachefill::test
