#pragma once

#include "eval/target.hpp"

#include <string>

namespace cachefill::eval {

// The Nix function that `nix eval --apply` calls with the attribute at a target's path; yields the JSON object that
// parse_evaluated() reads. Uses nothing newer than Nix 2.8.
std::string target_expression(TargetKind kind);

// Names at FLAKE#KIND: a list for hosts, {system: [names]} for packages, checks and devShells.
std::string listing_expression(TargetKind kind);

// A Nix string literal.
std::string nix_string(std::string_view text);

} // namespace cachefill::eval
