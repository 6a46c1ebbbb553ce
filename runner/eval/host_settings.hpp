#pragma once

#include "eval/target.hpp"
#include "nix/cache_settings.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace cachefill::eval {

// The Nix expression of what a host's own configuration says about caches, for target_expression(): `value` is the
// host, `attempt` and `plain` are in scope. Null where no module says anything.
std::string host_settings_expression(TargetKind kind);

// Reads what it yields.
std::optional<nix::CacheSettings> parse_host_settings(const nlohmann::json& settings);

} // namespace cachefill::eval
