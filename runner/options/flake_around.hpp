#pragma once

#include <string>

namespace cachefill::options {

// The flake that Nix takes for `flake`: for a directory without a flake.nix the nearest one above it that has one, not
// beyond the repository or the file system that it lies in (as flakeref.cc of Nix 2.4 and later looks for it). So the
// configuration and everything written there is that flake's. Anything else, also where none is found: as it is.
std::string flake_around(const std::string& flake);

} // namespace cachefill::options
