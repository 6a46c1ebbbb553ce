#include "app/targets.hpp"

#include "base/files.hpp"

namespace cachefill::app {

Result<nix::Derivation> read_derivation(const daemon::Endpoint& endpoint, const nix::StorePath& path) {
    TRY(text, read_file(endpoint.physical(path)));
    return with_context(nix::Derivation::parse(text), "reading " + path.to_string());
}

Result<plan::Target> add_target(plan::Graph& graph, const daemon::Endpoint& endpoint,
                                const eval::EvaluatedTarget& evaluated) {
    plan::Target target;
    target.name = evaluated.target.display();
    auto read = [&endpoint](const nix::StorePath& path) { return read_derivation(endpoint, path); };
    TRY(root, graph.add_closure(evaluated.derivation, read));
    target.derivation = root;
    const auto& outputs = graph.derivation(root).outputs;
    for (const auto& wanted : evaluated.outputs)
        for (std::size_t i = 0; i < outputs.size(); ++i)
            if (outputs[i].name == wanted) target.outputs.push_back(static_cast<std::uint16_t>(i));
    if (target.outputs.empty()) target.outputs.push_back(0);
    return target;
}

} // namespace cachefill::app
