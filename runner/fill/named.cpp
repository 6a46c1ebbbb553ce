#include "fill/named.hpp"

#include "base/text.hpp"
#include "report/package_name.hpp"

#include <set>

namespace cachefill::fill {

namespace {

bool is_called(std::string_view name, std::string_view text) {
    return name == text || report::package_name(name).name == text || glob_match(text, name);
}

bool is_target(const plan::Target& target, std::string_view text) {
    return target.name == text || std::string_view(target.name).substr(target.name.find(':') + 1) == text;
}

} // namespace

std::vector<nix::StorePath> find_named(const plan::Graph& graph, const std::vector<plan::Target>& targets,
                                       const plan::Plan& plan, std::string_view text) {
    if (auto path = nix::StorePath::parse_inside(text)) return {path->first};
    if (auto path = nix::StorePath::parse_base_name(text)) return {*path};
    std::vector<nix::StorePath> found;
    for (const auto& target : targets)
        if (is_target(target, text)) found.push_back(graph.derivation(target.derivation).path);
    if (!found.empty()) return found;
    std::set<plan::DerivationId> built;
    for (const auto& build : plan.builds) built.insert(build.derivation);
    std::vector<nix::StorePath> others;
    for (std::size_t i = graph.derivation_count(); i-- > 0;) {
        auto id = static_cast<plan::DerivationId>(i);
        if (is_called(graph.derivation(id).name(), text))
            (built.contains(id) ? found : others).push_back(graph.derivation(id).path);
    }
    for (std::size_t i = 0; i < graph.path_count(); ++i) {
        auto id = static_cast<plan::PathId>(i);
        if (!graph.producer(id) && is_called(graph.path(id).name(), text)) others.push_back(graph.path(id));
    }
    found.insert(found.end(), others.begin(), others.end());
    return found;
}

std::optional<std::string> similar_name(const plan::Graph& graph, const std::string& text) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < graph.derivation_count(); ++i)
        names.emplace(report::package_name(graph.derivation(static_cast<plan::DerivationId>(i)).name()).name);
    return did_you_mean(text, std::vector<std::string>(names.begin(), names.end()));
}

} // namespace cachefill::fill
