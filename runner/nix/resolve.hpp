#pragma once

#include "nix/derivation.hpp"

#include <functional>
#include <optional>
#include <string_view>

namespace cachefill::nix {

// Where an output of an input is, if that is known.
using OutputFinder = std::function<std::optional<StorePath>(const StorePath& derivation, std::string_view output)>;

// What Nix makes of a derivation on top of content-addressed ones once these are there ("resolving", libstore/
// derivations.cc, tryResolve), and then fetches or builds in its place: its inputs are sources, their placeholders are
// their paths, and a deferred output has the path that follows from that. Floating outputs stay floating, and have
// another realisation than before. `path` is the derivation's own. Empty: some input is nowhere.
std::optional<Derivation> resolve(const StorePath& path, Derivation derivation, const OutputFinder& find);

} // namespace cachefill::nix
