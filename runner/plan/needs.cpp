#include "plan/needs.hpp"

#include <algorithm>

namespace cachefill::plan {

std::vector<PathId> needed_paths(const Graph& graph, const Target& target) {
    std::vector<PathId> paths;
    const auto add = [&](DerivationId id, std::uint16_t output) {
        const PathId path = graph.derivation(id).outputs[output].path;
        if (path != no_path) paths.push_back(path);
    };
    std::vector<DerivationId> open{target.derivation};
    for (const std::uint16_t output : target.outputs) add(target.derivation, output);
    for (const EvaluationRead& read : target.read_by_evaluation) {
        for (const std::uint16_t output : read.outputs) add(read.derivation, output);
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
            for (const std::uint16_t output : input.outputs) add(input.derivation, output);
            open.push_back(input.derivation);
        }
    }
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    return paths;
}

} // namespace cachefill::plan
