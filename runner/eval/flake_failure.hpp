#pragma once

#include "eval/error_location.hpp"
#include "eval/flake_place.hpp"
#include "eval/nix_command.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace cachefill::eval {

// What nix says about a flake that it cannot read, told so that a person can act; `position` gets where in the flake.
async::Task<Failure> flake_failure(const NixRun& run, const EvalSettings& settings, FlakePlace place,
                                   std::string nix_version, std::optional<event::Position>& position);

// The failure behind a run on a flake that could be read: failure_of(), and a file called untracked if it is that.
async::Task<Failure> failure_in_flake(const NixRun& run, SourceMap sources, Environment environment);

// An input of a flake that lies in the flake itself ("path:./x"). Nix writes and reads flake.lock differently for these
// since 2.26, and neither of the two can use the other's.
struct RelativeInput {
    std::string name, path;
    bool has_parent = false; // as 2.26 and later have it
};
// The first of a flake.lock that is written as the other generation of Nix does; empty: there is none.
std::optional<RelativeInput> foreign_relative_input(std::string_view lock, std::string_view nix_version);

} // namespace cachefill::eval
