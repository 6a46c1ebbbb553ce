#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cachefill::doctor {

// An input that two lock files of one flake have at different places. `first` and `second` are what tells them apart,
// the short revision where there is one; empty: this side has no such input.
struct LockDifference {
    std::string input; // "nixpkgs", "home-manager/nixpkgs"
    std::string first, second;
};

// By the flake's own inputs first, then theirs; an input that merely follows another one is not told again. Empty when
// both lock the same. A protocol failure when one of them is no lock file.
Result<std::vector<LockDifference>> compare_locks(std::string_view first, std::string_view second);

} // namespace cachefill::doctor
