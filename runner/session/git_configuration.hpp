#pragma once

#include "async/task.hpp"
#include "base/environment.hpp"
#include "eval/git_logins.hpp"

#include <filesystem>
#include <vector>

namespace cachefill::session {

// What the user's and the machine's configuration of git say of access to repositories, as the git that Nix starts
// would read them where that keeps its repositories, and the logins in ~/.netrc. Nothing where there is no git; where
// its configuration cannot be read everything may be private.
async::Task<eval::GitLogins> read_git_logins(Environment environment);

// Where git keeps logins, as far as it can be told: the helper `store`'s own places, and those that it is told.
std::vector<std::filesystem::path> files_of_git_logins(const eval::GitLogins& logins, const Environment& environment);

} // namespace cachefill::session
