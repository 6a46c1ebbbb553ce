#pragma once

#include "plan/plan.hpp"

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace cachefill::test {

// Caches and a store that exist only as sets, for planning without a network: answers a plan's questions as the real
// ones would, and carries a plan out.
class SimulatedWorld {
  public:
    using References = std::vector<nix::StorePath>;

    // What the thing at `path` references, wherever it is.
    void set_references(const nix::StorePath& path, References references) {
        references_[path] = std::move(references);
    }
    const References& references(const nix::StorePath& path) const;

    std::vector<std::unordered_set<nix::StorePath>> caches{1}; // 0 is the own one
    std::unordered_set<nix::StorePath> store;
    bool answers_transitively = true; // narinfos: go on with the references in the same round
    std::size_t narinfo_requests = 0;

    // The own cache's bulk answer on all outputs in the graph.
    void claim(const plan::Graph& graph, plan::Facts& facts) const;
    void answer(const plan::Questions& questions, plan::Graph& graph, plan::Facts& facts);

    // Builds, fetches and pushes what the plan says, like the stages behind it: a push stops at what a counting cache
    // serves. Returns what went wrong, empty if nothing.
    std::vector<std::string> execute(const plan::Plan& plan, const plan::Graph& graph,
                                     const std::vector<plan::CacheMask>& counting, plan::CacheMask fetchable_here);

  private:
    bool is_served(const nix::StorePath& path, plan::CacheMask caches) const;
    void ask(plan::PathId path, plan::CacheMask caches, plan::Graph& graph, plan::Facts& facts);
    void fetch(const nix::StorePath& path, plan::CacheMask from, std::vector<std::string>& complaints);
    void push(const nix::StorePath& path, const plan::Graph& graph, const std::vector<plan::CacheMask>& counting,
              std::vector<std::string>& complaints);

    std::unordered_map<nix::StorePath, References> references_;
};

// Plans, answers, and plans again until no question is left.
struct Settled {
    plan::Plan plan;
    std::size_t rounds = 0;
    std::vector<std::string> complaints; // questions asked twice or needlessly; certain things that were not
};
Settled settle(SimulatedWorld& world, plan::Graph& graph, plan::Facts& facts, const std::vector<plan::Target>& targets,
               const plan::Policy& policy);

} // namespace cachefill::test
