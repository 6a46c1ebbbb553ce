#pragma once

#include "async/task.hpp"
#include "base/result.hpp"
#include "nix/realisation.hpp"
#include "plan/plan.hpp"
#include "presence/judge.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace cachefill::presence {

// Content-addressed derivations, and what depends on them: where an output went is known only after it was built, and
// told by realisations, which caches keep beside their narinfos and Nix asks for by an id that can be known before.
// With it such outputs are planned like any other, and a machine that evaluates fetches them; without it everybody who
// evaluates builds them, although whoever is given their path can fetch it.
class Realisations {
  public:
    Realisations(async::Executor executor, plan::Graph& graph, plan::Facts& facts, Judge& judge,
                 nix::RealisationIds::Reader read)
        : executor_(executor), graph_(graph), facts_(facts), judge_(judge), ids_(std::move(read)) {}

    // Tells the graph where outputs went that it does not know yet: as one of these caches says, if they also serve the
    // path; else as this machine's store has it. Costs nothing where there is none.
    async::Task<Result<void>> learn(Judge::Counting counting, daemon::Connection* store);

    // Of what the target needs: names of the derivations of which these caches cannot tell a machine that evaluates
    // where the output is. Impure ones are always among them.
    async::Task<Result<std::vector<std::string>>> untold(const plan::Target& target, plan::CacheMask caches);

    // What untold() has found is asked again from now on.
    void forget() { told_.clear(); }

    // Puts into the own cache what this machine's store knows of outputs that are served: how many were put. A cache
    // that keeps none gets none.
    async::Task<Result<std::size_t>> publish(plan::CacheMask counting, daemon::Connection& store);

  private:
    struct Output {
        plan::Graph::Producer of;
        std::string id;
    };
    std::vector<Output> unknown_outputs();
    async::Task<Result<void>> learn_from_caches(const std::vector<Output>& outputs, Judge::Counting counting);
    async::Task<Result<void>> learn_from_store(daemon::Connection& store);
    async::Task<void> find_into(std::string id, plan::CacheMask caches, std::map<std::string, nix::Realisation>& found,
                                std::optional<Failure>& failure);
    async::Task<Result<bool>> is_told(std::string id, plan::CacheMask caches);
    async::Task<Result<bool>> put(nix::Realisation realisation, plan::CacheMask counting);
    Result<std::string> id_of(plan::Graph::Producer output);

    async::Executor executor_;
    plan::Graph& graph_;
    plan::Facts& facts_;
    Judge& judge_;
    nix::RealisationIds ids_;
    std::set<std::string> told_; // by caches, with all they depend on
};

} // namespace cachefill::presence
