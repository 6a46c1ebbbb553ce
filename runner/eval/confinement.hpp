#pragma once

#include "async/confinement.hpp"
#include "eval/evaluator.hpp"

#include <filesystem>
#include <optional>

namespace cachefill::eval {

// What an evaluator of this flake may open, with `temporary` as its TMPDIR: the store, the flake's work tree and what
// git keeps of it, Nix' and git's settings and caches, the system's programs and libraries, and of /etc what everybody
// may read. Nothing of other inputs: those are in the store by then, and to go by the paths in a lock would leave the
// choice to whoever wrote it.
//
// Nothing, so that it is not confined: where that is not wanted, where the kernel has no Landlock, and where the
// evaluator must build by itself, because there is no daemon, in sandboxes that it could not set up then. With
// `impure`, for which Nix itself has no bounds, it is confined even so (see build_outside()), unless the flake's own
// settings count.
std::optional<async::Confinement> confinement_of(const EvalSettings& settings, const FlakeInfo& flake, bool impure,
                                                 const std::filesystem::path& temporary);

// The flake's directory, and what git keeps elsewhere of the repository around it (another work tree's, a clone's that
// shares objects).
std::vector<std::filesystem::path> places_of_flake(const std::filesystem::path& directory);

// What any user may read below a directory, in as few paths as that takes.
std::vector<std::filesystem::path> public_places(const std::filesystem::path& directory);

// For a person, of an evaluation that was confined and could not open a file that we can. Empty: it is not that.
std::string refused_by_confinement(std::string_view message);

} // namespace cachefill::eval
