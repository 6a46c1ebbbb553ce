#include "fill/named.hpp"

#include "base/text.hpp"
#include "report/package_name.hpp"

#include <set>
#include <utility>

namespace cachefill::fill {

namespace {

bool is_called(std::string_view name, std::string_view text) {
    return name == text || report::package_name(name).name == text || glob_match(text, name);
}

bool is_target(const plan::Target& target, std::string_view text) {
    return target.name == text || std::string_view(target.name).substr(target.name.find(':') + 1) == text;
}

// Between the dots that stand in no quotes, without these.
std::vector<std::string> parts_of(std::string_view attribute) {
    std::vector<std::string> parts(1);
    bool is_quoted = false;
    for (char c : attribute) {
        if (c == '"')
            is_quoted = !is_quoted;
        else if (c == '.' && !is_quoted)
            parts.emplace_back();
        else
            parts.back() += c;
    }
    return parts;
}

// What an attribute stands for here: "nixpkgs#firefox" and "pkgs.firefox" for "firefox", all within a host for that.
std::string meant_by(std::string_view attribute) {
    auto parts = parts_of(attribute.substr(attribute.find('#') + 1)); // all of it where there is none
    for (const auto& [output, kind] :
         {std::pair("nixosConfigurations", "nixos:"), std::pair("darwinConfigurations", "darwin:"),
          std::pair("homeConfigurations", "home:")})
        if (parts.size() > 1 && parts[0] == output) return kind + parts[1];
    return parts.back();
}

std::vector<nix::StorePath> find_exactly(const plan::Graph& graph, const std::vector<plan::Target>& targets,
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

} // namespace

std::vector<nix::StorePath> find_named(const plan::Graph& graph, const std::vector<plan::Target>& targets,
                                       const plan::Plan& plan, std::string_view text) {
    auto found = find_exactly(graph, targets, plan, text);
    if (!found.empty()) return found;
    auto meant = meant_by(text);
    return meant.empty() || meant == text ? found : find_exactly(graph, targets, plan, meant);
}

std::optional<std::string> similar_name(const plan::Graph& graph, const std::string& text) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < graph.derivation_count(); ++i)
        names.emplace(report::package_name(graph.derivation(static_cast<plan::DerivationId>(i)).name()).name);
    return did_you_mean(text, std::vector<std::string>(names.begin(), names.end()));
}

} // namespace cachefill::fill
