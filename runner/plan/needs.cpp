#include "plan/needs.hpp"

#include <algorithm>
#include <optional>

namespace cachefill::plan {

std::vector<Graph::Producer> needed_outputs(const Graph& graph, const Target& target) {
    std::vector<Graph::Producer> needed;
    std::vector<DerivationId> open{target.derivation};
    for (const std::uint16_t output : target.outputs) needed.push_back({target.derivation, output});
    for (const EvaluationRead& read : target.read_by_evaluation) {
        for (const std::uint16_t output : read.outputs) needed.push_back({read.derivation, output});
        open.push_back(read.derivation);
    }
    std::vector<bool> seen(graph.derivation_count());
    while (!open.empty()) {
        const DerivationId id = open.back();
        open.pop_back();
        if (seen[index(id)]) continue;
        seen[index(id)] = true;
        if (graph.derivation(id).allow_substitutes) continue;
        for (const GraphInput& input : graph.derivation(id).inputs) {
            for (const std::uint16_t output : input.outputs) needed.push_back({input.derivation, output});
            open.push_back(input.derivation);
        }
    }
    const auto key = [](const Graph::Producer& output) { return std::pair{output.derivation, output.output}; };
    std::sort(needed.begin(), needed.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
    const auto is_same = [&](const auto& a, const auto& b) { return key(a) == key(b); };
    needed.erase(std::unique(needed.begin(), needed.end(), is_same), needed.end());
    return needed;
}

std::vector<PathId> needed_paths(const Graph& graph, const Target& target) {
    std::vector<PathId> paths;
    for (const auto& [derivation, output] : needed_outputs(graph, target)) {
        const PathId path = graph.derivation(derivation).outputs[output].path;
        if (path != no_path) paths.push_back(path);
    }
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    return paths;
}

std::set<PathId> closure(const Facts& facts, const std::vector<PathId>& paths) {
    std::set<PathId> reached;
    std::vector<PathId> open = paths;
    while (!open.empty()) {
        const PathId path = open.back();
        open.pop_back();
        if (!reached.insert(path).second) continue;
        const auto& references = facts.of(path).references;
        open.insert(open.end(), references.begin(), references.end());
    }
    return reached;
}

Lacking lacking_alone(const Graph& graph, const Facts& facts, const Target& target) {
    const auto counting = counting_caches(graph, facts, {target});
    Lacking lacking;
    for (const PathId path : needed_paths(graph, target)) {
        std::vector<PathId> holes;
        const Completeness state = completeness(path, facts, counting, &holes);
        if (state == Completeness::complete) continue;
        lacking.missing.insert(holes.begin(), holes.end());
        if (holes.empty()) (state == Completeness::unknown ? lacking.undecided : lacking.missing).insert(path);
    }
    return lacking;
}

std::set<DerivationId> reached_from(const Graph& graph, DerivationId top, const std::set<DerivationId>& builds) {
    std::set<DerivationId> reached;
    std::vector<DerivationId> open{top};
    while (!open.empty()) {
        const DerivationId id = open.back();
        open.pop_back();
        if (!builds.contains(id) || !reached.insert(id).second) continue;
        for (const GraphInput& input : graph.derivation(id).inputs) open.push_back(input.derivation);
    }
    return reached;
}

PathId wanted_output(const Graph& graph, DerivationId made, DerivationId by) {
    const auto& outputs = graph.derivation(made).outputs;
    std::optional<PathId> wanted;
    for (const GraphInput& input : graph.derivation(by).inputs) {
        if (input.derivation != made) continue;
        for (const std::uint16_t number : input.outputs)
            if (!wanted || outputs[number].name == "out") wanted = outputs[number].path;
    }
    return wanted.value_or(no_path);
}

} // namespace cachefill::plan
