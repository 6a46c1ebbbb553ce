#pragma once

#include <string>

namespace cachefill::options {

// The flake that Nix takes for `flake`: for a directory without a flake.nix the nearest one above it that has one, not
// beyond the repository or the file system that it lies in (as flakeref.cc of Nix 2.4 and later looks for it). So the
// configuration and everything written there is that flake's. Anything else, also where none is found: as it is.
//
// One that somebody else than root and this user could have put there (why_not_ours_alone) is not looked for, only
// named: as it is, too, and nothing above it; see why_not_around(). Unless whoever runs here has the machine alone,
// as a step of GitHub Actions has.
enum class Neighbours { may_be, none };
std::string flake_around(const std::string& flake, Neighbours neighbours = Neighbours::may_be);

// Nix would take the one above all the same: what there is and who may change it, in words. Empty: there is none, or
// it is taken.
std::string why_not_around(const std::string& flake, Neighbours neighbours = Neighbours::may_be);

} // namespace cachefill::options
