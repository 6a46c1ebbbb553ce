#include "session/targets.hpp"

#include "base/files.hpp"

#include <algorithm>

namespace cachefill::session {

Result<nix::Derivation> read_derivation(const daemon::Endpoint& endpoint, const nix::StorePath& path) {
    TRY(text, read_file(endpoint.physical(path)));
    return with_context(nix::Derivation::parse(text), "reading " + path.to_string());
}

plan::Graph::Reader derivations_of(const daemon::Endpoint& endpoint) {
    return [&endpoint](const nix::StorePath& path) { return read_derivation(endpoint, path); };
}

Result<plan::Target> add_target(plan::Graph& graph, const eval::EvaluatedTarget& evaluated,
                                const plan::Graph::Reader& read) {
    plan::Target target;
    target.name = evaluated.target.display();
    TRY(root, graph.add_closure(evaluated.derivation, read));
    target.derivation = root;
    const auto& outputs = graph.derivation(root).outputs;
    for (const auto& wanted : evaluated.outputs)
        for (std::size_t i = 0; i < outputs.size(); ++i)
            if (outputs[i].name == wanted) target.outputs.push_back(static_cast<std::uint16_t>(i));
    if (target.outputs.empty()) target.outputs.push_back(0);
    return target;
}

Result<void> add_reads(plan::Graph& graph, const eval::EvaluatedTarget& evaluated, const plan::Graph::Reader& read,
                       plan::Target& target) {
    for (const auto& made_first : evaluated.read_by_evaluation) {
        TRY(id, graph.add_closure(made_first.derivation, read));
        plan::EvaluationRead added{.derivation = id, .outputs = {}};
        const auto& made = graph.derivation(id).outputs;
        for (std::size_t i = 0; i < made.size(); ++i) {
            const auto& names = made_first.outputs;
            bool is_read = std::find(names.begin(), names.end(), made[i].name) != names.end();
            if (names.empty() || is_read) added.outputs.push_back(static_cast<std::uint16_t>(i));
        }
        target.read_by_evaluation.push_back(std::move(added));
    }
    return {};
}

} // namespace cachefill::session
