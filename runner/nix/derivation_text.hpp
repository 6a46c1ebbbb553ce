#pragma once

#include "nix/derivation.hpp"

#include <map>
#include <set>
#include <string>

namespace cachefill::nix {

using InputsByHash = std::map<std::string, std::set<std::string>>; // outputs by hash

enum class OutputPaths { kept, masked };

// ATerm, as Derivation::parse() reads it and Nix hashes it (libstore/derivations.cc, unparse): the derivation with
// these for its inputs, which Nix replaces by their hashes. Masked: the paths of its outputs are left out, wherever
// they stand.
std::string derivation_text(const Derivation& derivation, const InputsByHash& inputs, OutputPaths paths);

} // namespace cachefill::nix
