#include "base/text.hpp"
#include "plan/availability.hpp"
#include "plan/plan.hpp"

#include <algorithm>

namespace cachefill::plan {

namespace {

// Walks again, breadth first, from the targets along the demands the plan has met, and remembers for each thing the
// first that wanted it: the shortest chain of reasons.
class Explanation {
  public:
    Explanation(const Graph& graph, const Facts& facts, const std::vector<Target>& targets, const Plan& plan,
                const std::function<std::string(PathId)>& uncounted)
        : graph_(graph), facts_(facts), targets_(targets), uncounted_(uncounted),
          counting_(counting_caches(graph, facts, targets)), built_(graph.derivation_count()),
          elsewhere_(graph.derivation_count()), fetched_(graph.path_count()),
          steps_(graph.path_count() + 2 * graph.derivation_count()) {
        for (const PlannedBuild& build : plan.builds) built_[index(build.derivation)] = true;
        for (const DerivationId id : plan.elsewhere) elsewhere_[index(id)] = true;
        for (const PathId path : plan.fetches) fetched_[index(path)] = true;
        walk();
    }

    std::vector<std::string> of_path(PathId path) const {
        const auto producer = graph_.producer(path);
        const bool built = producer && built_[index(producer->derivation)] && !fetched_[index(path)] && !here(path) &&
                           steps_[build_node(producer->derivation)].why != Why::nobody;
        std::vector<std::string> sentences{state(path, built)};
        if (auto elsewhere = uncounted_ && !present(path) ? uncounted_(path) : std::string(); !elsewhere.empty())
            sentences.push_back(std::move(elsewhere));
        const std::size_t node = built ? build_node(producer->derivation) : index(path);
        if (steps_[node].why == Why::nobody)
            sentences.push_back(nobody(path));
        else
            chain(node, sentences);
        return sentences;
    }

    std::vector<std::string> of_derivation(DerivationId id) const {
        if (const PathId path = most_telling(id); path != no_path) return of_path(path);
        std::vector<std::string> sentences;
        if (!built_[index(id)]) return {std::string(name(id)) + " is not built: nothing that is missing needs it."};
        sentences.push_back(std::string(name(id)) + " is built each run: its output path is not known before.");
        chain(build_node(id), sentences);
        return sentences;
    }

  private:
    // Of its outputs one that is missing and wanted, else one that is wanted; "out" before others, since the first by
    // name is often "bin" or "man". no_path: none is known before building.
    PathId most_telling(DerivationId id) const {
        PathId best = no_path;
        int best_rank = 0;
        for (const GraphOutput& output : graph_.derivation(id).outputs) {
            if (output.path == no_path) continue;
            const bool wanted = steps_[index(output.path)].why != Why::nobody;
            const int rank =
                1 + (output.name == "out" ? 1 : 0) + (wanted ? 2 : 0) + (wanted && absent(output.path) ? 2 : 0);
            if (rank > best_rank) {
                best = output.path;
                best_rank = rank;
            }
        }
        return best;
    }

    enum class Why { nobody, target, evaluation, reference, build_input, output, evaluated_root, evaluated_input };
    struct Step {
        Why why = Why::nobody;
        std::size_t from = 0; // a node, or a target
    };

    // Nodes: paths, then derivations to build, then derivations that a consumer meets while it evaluates.
    std::size_t build_node(DerivationId id) const { return graph_.path_count() + index(id); }
    std::size_t evaluated_node(DerivationId id) const {
        return graph_.path_count() + graph_.derivation_count() + index(id);
    }
    DerivationId derivation_of(std::size_t node) const {
        const std::size_t at = node - graph_.path_count();
        const std::size_t count = graph_.derivation_count();
        return DerivationId{static_cast<std::uint32_t>(at < count ? at : at - count)};
    }

    bool here(PathId path) const { return facts_.of(path).valid_here == true; }
    bool present(PathId path) const { return presence(facts_.of(path), counting_[index(path)]) == Presence::present; }
    bool absent(PathId path) const { return presence(facts_.of(path), counting_[index(path)]) == Presence::absent; }
    std::string_view name(DerivationId id) const { return graph_.derivation(id).name(); }
    std::string_view name(std::size_t node) const {
        if (node < graph_.path_count()) return graph_.path(PathId{static_cast<std::uint32_t>(node)}).name();
        return name(derivation_of(node));
    }

    void want(std::size_t node, Why why, std::size_t from) {
        if (steps_[node].why != Why::nobody) return;
        steps_[node] = {why, from};
        queue_.push_back(node);
    }

    void want_output(DerivationId id, PathId path, Why why, std::size_t from) {
        want(path == no_path ? build_node(id) : index(path), why, from);
    }

    void walk() {
        for (std::size_t i = 0; i < targets_.size(); ++i) {
            const Target& target = targets_[i];
            const auto& outputs = graph_.derivation(target.derivation).outputs;
            for (const std::uint16_t output : target.outputs)
                want_output(target.derivation, outputs[output].path, Why::target, i);
            for (const EvaluationRead& read : target.read_by_evaluation) {
                const auto& made = graph_.derivation(read.derivation).outputs;
                for (const std::uint16_t output : read.outputs)
                    want_output(read.derivation, made[output].path, Why::evaluation, i);
                want(evaluated_node(read.derivation), Why::evaluation, i);
            }
            want(evaluated_node(target.derivation), Why::evaluated_root, i);
        }
        for (std::size_t next = 0; next < queue_.size(); ++next) {
            const std::size_t node = queue_[next];
            if (node < graph_.path_count())
                expand_path(PathId{static_cast<std::uint32_t>(node)});
            else if (node < evaluated_node(DerivationId{0}))
                expand_build(derivation_of(node));
            else
                expand_evaluated(derivation_of(node));
        }
    }

    void expand_path(PathId path) {
        for (const PathId reference : facts_.of(path).references) want(index(reference), Why::reference, index(path));
        const auto producer = graph_.producer(path);
        if (producer && absent(path) && !here(path)) want(build_node(producer->derivation), Why::output, index(path));
    }

    void expand_build(DerivationId id) {
        if (elsewhere_[index(id)]) return;
        const GraphDerivation& derivation = graph_.derivation(id);
        for (const GraphInput& input : derivation.inputs) {
            for (const std::uint16_t output : input.outputs) {
                const PathId path = graph_.derivation(input.derivation).outputs[output].path;
                want_output(input.derivation, path, Why::build_input, build_node(id));
                if (path == no_path) continue;
                // Present, but not for this machine: then it is built, too.
                const DerivationId made_by = graph_.producer(path)->derivation;
                if (built_[index(made_by)] && !here(path) && !fetched_[index(path)])
                    want(build_node(made_by), Why::output, index(path));
            }
        }
        for (const PathId source : derivation.sources) want(index(source), Why::build_input, build_node(id));
    }

    void expand_evaluated(DerivationId id) {
        if (graph_.derivation(id).allow_substitutes) return;
        for (const GraphInput& input : graph_.derivation(id).inputs) {
            const auto& outputs = graph_.derivation(input.derivation).outputs;
            for (const std::uint16_t output : input.outputs)
                want_output(input.derivation, outputs[output].path, Why::evaluated_input, evaluated_node(id));
            want(evaluated_node(input.derivation), Why::evaluated_input, evaluated_node(id));
        }
    }

    std::string state(PathId path, bool built) const {
        const PathFacts& facts = facts_.of(path);
        const std::string it(graph_.path(path).base_name());
        const Presence presence = plan::presence(facts, counting_[index(path)]);
        const auto producer = graph_.producer(path);
        if (built && presence == Presence::present)
            return it + " is built although a cache has it: this machine cannot fetch it whole.";
        if (built) return it + " is built: no cache that counts has it, and it is not valid here.";
        if (fetched_[index(path)]) return it + " is fetched: a build needs it.";
        if (steps_[index(path)].why == Why::nobody) return it + " is left alone.";
        if (presence == Presence::open) return it + " is not settled yet: not every cache has been asked.";
        if (presence == Presence::undecided)
            return it + " is not decided: a cache that may have it could not be asked, so it is not built.";
        if (presence == Presence::present) return it + " is left alone: " + served_by(path) + ".";
        if (facts.refused)
            return it + " is left alone: what the cache has of it is signed by no key that counts, and stays as it is.";
        if (here(path)) return it + " is pushed: it is valid here, and no cache that counts has it.";
        if (!facts.valid_here) return it + " is not settled yet: whether it is valid here is not known.";
        if (!producer) return it + " cannot be had: no cache has it, it is not valid here, and no derivation makes it.";
        const GraphDerivation& derivation = graph_.derivation(producer->derivation);
        if (!elsewhere_[index(producer->derivation)])
            return it + " is missing and cannot be built here, because something it needs cannot be had.";
        std::string needs = derivation.platform;
        if (!derivation.required_features.empty()) needs += " with " + join(derivation.required_features, ", ");
        return it + " is missing and needs " + needs + ", which no machine here offers.";
    }

    std::string served_by(PathId path) const {
        const CacheMask caches = facts_.of(path).present & counting_[index(path)];
        return (caches & bit(own_cache)) ? "the cache serves it" : "an upstream serves it";
    }

    // Why nobody wants a path: name one that would, were it built.
    std::string nobody(PathId path) const {
        for (const DerivationId id : graph_.topological_order()) {
            const GraphDerivation& derivation = graph_.derivation(id);
            const bool is_source =
                std::find(derivation.sources.begin(), derivation.sources.end(), path) != derivation.sources.end();
            const bool is_input =
                std::any_of(derivation.inputs.begin(), derivation.inputs.end(), [&](const auto& input) {
                    const auto& outputs = graph_.derivation(input.derivation).outputs;
                    return std::any_of(input.outputs.begin(), input.outputs.end(),
                                       [&](std::uint16_t output) { return outputs[output].path == path; });
                });
            if (is_source || is_input)
                return "Only builds need it, for instance that of " + std::string(name(id)) +
                       ", and none of them is due.";
        }
        return "No target needs it.";
    }

    void chain(std::size_t node, std::vector<std::string>& sentences) const {
        for (;;) {
            const Step& step = steps_[node];
            const std::string it(name(node));
            switch (step.why) {
            case Why::nobody:
                return;
            case Why::target:
                sentences.push_back("Target " + targets_[step.from].name + " is " + it + ".");
                return;
            case Why::evaluation:
                sentences.push_back("The evaluation of target " + targets_[step.from].name + " needs " + it + ".");
                return;
            case Why::evaluated_root:
                sentences.push_back("Target " + targets_[step.from].name + " evaluates to " + it + ".");
                return;
            case Why::reference:
                sentences.push_back(std::string(name(step.from)) + " references " + it + ".");
                break;
            case Why::build_input:
                sentences.push_back(std::string(name(step.from)) + " needs " + it + " to be built.");
                break;
            case Why::output:
                break;
            case Why::evaluated_input:
                sentences.push_back("Whoever evaluates builds " + std::string(name(step.from)) +
                                    " (local by design) and needs " + it + " for that.");
                break;
            }
            node = step.from;
        }
    }

    const Graph& graph_;
    const Facts& facts_;
    const std::vector<Target>& targets_;
    const std::function<std::string(PathId)>& uncounted_;
    std::vector<CacheMask> counting_;
    std::vector<bool> built_;     // by derivation
    std::vector<bool> elsewhere_; // by derivation
    std::vector<bool> fetched_;   // by path
    std::vector<Step> steps_;     // by node
    std::vector<std::size_t> queue_;
};

} // namespace

std::vector<std::string> explain(const Graph& graph, const Facts& facts, const std::vector<Target>& targets,
                                 const Plan& plan, const nix::StorePath& path,
                                 const std::function<std::string(PathId)>& uncounted) {
    const Explanation explanation(graph, facts, targets, plan, uncounted);
    if (const auto derivation = graph.find_derivation(path)) return explanation.of_derivation(*derivation);
    if (const auto id = graph.find(path)) return explanation.of_path(*id);
    return {std::string(path.base_name()) + " is not known: no target needs it, and nothing they need references it."};
}

} // namespace cachefill::plan
