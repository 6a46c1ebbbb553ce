#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"
#include "options/settings.hpp"

#include <filesystem>

namespace cachefill::options {

// Where what is learnt from run to run is kept: as set, else that of a systemd unit, of XDG, of the user's home. Empty
// for who has no home.
std::filesystem::path state_directory_of(const Settings& settings, const Environment& environment);

// Makes it if need be, for its owner alone. A machine failure if it cannot be made, or if somebody else could have put
// something there, or could put another one in its place (why_not_ours_alone), or did: something in it belongs to
// another user (but root), or may be written by everybody. `in_step`: of GitHub Actions, where the machine is the
// step's, though folders of a container's job belong to the runner's user; only what lies in the directory is looked at
// there.
Result<void> make_state_directory(const std::filesystem::path& directory, bool in_step = false);

} // namespace cachefill::options
