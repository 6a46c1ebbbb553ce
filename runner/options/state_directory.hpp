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
// something there: it is a link out of a folder that everybody may write to, it or something in it belongs to another
// user (but root), or everybody may write to it.
Result<void> make_state_directory(const std::filesystem::path& directory);

} // namespace cachefill::options
