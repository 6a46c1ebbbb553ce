#pragma once

#include "eval/evaluator.hpp"
#include "eval/evaluator_log.hpp"

#include <string>
#include <string_view>

namespace cachefill::eval {

// What nixpkgs' check of licences said when it refused an unfree package: "Package ‘steam-1.0’ in … has an unfree
// license (‘unfree’)". Empty for every other error, whatever its text: the words must be the check's own, as it has put
// them since 2020, and must have been thrown in pkgs/stdenv/generic/check-meta.nix of a nixpkgs that the flake's lock
// names. That is what the flake itself calls its input `nixpkgs`, or any input from NixOS/nixpkgs, in whose lock ever;
// and the flake's own tree if it has no inputs at all, as nixpkgs has none.
//
// Whoever writes a package can have it refused so, and whoever writes flake.lock can name as nixpkgs what he likes:
// this tells a refusal from a lie of just any input, and what may be read afterwards is another guard's
// (confinement.hpp).
std::string licence_refusal(const EvaluatorError& error, const FlakeInfo& flake);

// After such a refusal: does `impure: auto` try again? Whoever started us must have allowed unfree packages by
// NIXPKGS_ALLOW_UNFREE=1.
bool may_repeat_impurely(const EvalSettings& settings);

// For a person, when that was done and helped; or when it was done without asking the check again.
std::string repeated_impurely(const std::string& what, const std::string& licence);
std::string impure_at_once(const std::string& what, const std::string& licence);
inline constexpr std::string_view how_to_stay_pure =
    "allow the package in the configuration itself, for instance nixpkgs.config.allowUnfree = true";
inline constexpr std::string_view how_to_be_asked_again = "allow the package in the configuration itself; --fresh "
                                                          "evaluates purely first, as does every eleventh run, and one "
                                                          "with another flake.lock";

// What to do about a refusal that stays one. `variable` is refusal_variable()'s.
std::string after_refusal(const EvalSettings& settings, const std::string& variable, bool is_by_licence_check);

} // namespace cachefill::eval
