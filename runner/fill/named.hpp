#pragma once

#include "plan/plan.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::fill {

// What a person means by a name in a plan: a store path, a base name, a target ("nixos:nas" or "nas"), or what packages
// are called, with or without their version ("firefox", "firefox-119.0"), exactly or as a glob ("linux-6.*"). Else an
// attribute: of a host ("nixosConfigurations.nas.config…") that one, else by its last part ("nixpkgs#firefox").
// Derivations are found by themselves, what none of them makes by its path. What the plan builds comes first, then the
// order of the graph, from the targets down. Empty: nothing is called that.
std::vector<nix::StorePath> find_named(const plan::Graph& graph, const std::vector<plan::Target>& targets,
                                       const plan::Plan& plan, std::string_view text);

// The name of a package of this graph that looks like it.
std::optional<std::string> similar_name(const plan::Graph& graph, const std::string& text);

} // namespace cachefill::fill
