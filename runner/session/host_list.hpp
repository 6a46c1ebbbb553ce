#pragma once

#include "eval/target.hpp"

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <optional>
#include <vector>

namespace cachefill::session {

inline constexpr std::array host_kinds{eval::TargetKind::nixos, eval::TargetKind::darwin, eval::TargetKind::home};

// The hosts of a flake, as what is kept of an evaluation has them, in their order: [{"kind": "nixos", "name": "nas",
// "attribute_path": ["nixosConfigurations", "nas"]}].
nlohmann::json to_json(const std::vector<eval::TargetRef>& hosts);
// Empty: it is something else.
std::optional<std::vector<eval::TargetRef>> hosts_in(const nlohmann::json& json);

} // namespace cachefill::session
