#pragma once

#include "async/task.hpp"
#include "base/result.hpp"
#include "nix/realisation.hpp"
#include "nix/resolve.hpp"
#include "plan/plan.hpp"
#include "presence/judge.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace cachefill::presence {

// Content-addressed derivations, and what depends on them: where an output went is known only after it was built, and
// told by realisations, which caches keep beside their narinfos and Nix asks for by an id that can be known before.
// What nobody tells Nix may still find: with all inputs there it resolves the derivation (nix/resolve.hpp), and fetches
// that one's outputs. Found either way, such outputs are planned like any other, and a machine that evaluates fetches
// them; else everybody who evaluates builds them, although whoever is given their path can fetch it.
class Realisations {
  public:
    Realisations(async::Executor executor, plan::Graph& graph, plan::Facts& facts, Judge& judge,
                 nix::RealisationIds::Reader read)
        : executor_(executor), graph_(graph), facts_(facts), judge_(judge), read_(std::move(read)), ids_(read_) {}

    // Tells the graph where outputs went that it does not know yet: as one of these caches says, if they also serve the
    // path; else as this machine's store has it; else as these caches serve it, once resolved. Costs nothing where
    // there is none.
    async::Task<Result<void>> learn(Judge::Counting counting, daemon::Connection* store);

    // Of what the target needs: names of the derivations whose outputs a machine that has nothing and evaluates cannot
    // find with these caches. Impure ones are always among them.
    async::Task<Result<std::vector<std::string>>> untold(const plan::Target& target, Judge::Counting counting);

    // What untold() has found is asked again from now on.
    void forget() { consumers_.clear(); }

    // Puts into the own cache of `into` (a judge of the same graph) what this machine's store knows of outputs that
    // are served there: how many were put. A cache that keeps none gets none.
    async::Task<Result<std::size_t>> publish(Judge& into, plan::CacheMask counting, daemon::Connection& store);

  private:
    struct Output {
        plan::Graph::Producer of;
        std::string id;
    };
    // A derivation on top of content-addressed ones, the paths of whose inputs are known.
    struct Resolvable {
        plan::DerivationId derivation;
        std::vector<plan::PathId> inputs;
    };
    // What a machine that asks some caches has found there.
    struct Consumer {
        std::set<std::string> told; // with all they depend on
        std::map<std::pair<plan::DerivationId, std::uint16_t>, std::optional<nix::StorePath>> found;
    };
    using Found = Result<std::optional<nix::StorePath>>;
    using Inputs = std::map<std::pair<nix::StorePath, std::string>, nix::StorePath>; // by derivation and output

    std::vector<Output> unknown_outputs();
    async::Task<Result<void>> learn_from_caches(const std::vector<Output>& outputs, Judge::Counting counting);
    async::Task<Result<void>> learn_from_store(daemon::Connection& store);
    async::Task<Result<void>> learn_by_resolving(Judge::Counting counting, daemon::Connection* store);
    std::vector<Resolvable> resolvable(std::set<plan::DerivationId>& seen) const;
    std::optional<nix::Derivation> resolved(plan::DerivationId id, const nix::OutputFinder& find) const;
    async::Task<void> find_into(std::string id, plan::CacheMask caches, std::map<std::string, nix::Realisation>& found,
                                std::optional<Failure>& failure);
    async::Task<Result<bool>> is_told(std::string id, const std::set<std::string>& known_here,
                                      const Judge::Counting& counting, Consumer& consumer);
    async::Task<Found> find(plan::Graph::Producer output, const Judge::Counting& counting, Consumer& consumer);
    async::Task<Found> look_for(plan::Graph::Producer output, const Judge::Counting& counting, Consumer& consumer);
    async::Task<Result<std::optional<Inputs>>> find_inputs(plan::DerivationId id, const Judge::Counting& counting,
                                                           Consumer& consumer);
    std::set<std::string> ids_of(const Inputs& inputs);
    async::Task<Found> find_by_resolving(plan::Graph::Producer output, const Inputs& inputs,
                                         const Judge::Counting& counting, Consumer& consumer);
    async::Task<Found> if_served(std::optional<nix::StorePath> path, const Judge::Counting& counting);
    Result<std::string> id_of(plan::Graph::Producer output);

    async::Executor executor_;
    plan::Graph& graph_;
    plan::Facts& facts_;
    Judge& judge_;
    nix::RealisationIds::Reader read_;
    nix::RealisationIds ids_;
    std::map<plan::CacheMask, Consumer> consumers_; // by what they ask and believe
};

// Puts it into the judge's own cache, which keeps such: false if it, or another truth that is served, is there already.
async::Task<Result<bool>> put_realisation(Judge& judge, nix::Realisation realisation, plan::CacheMask counting);

} // namespace cachefill::presence
