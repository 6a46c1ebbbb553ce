#pragma once

#include "async/task.hpp"
#include "base/environment.hpp"
#include "eval/git_logins.hpp"

namespace cachefill::session {

// What the user's and the machine's configuration of git say of access to repositories, as the git that Nix starts
// would read them where that keeps its repositories, and the logins in ~/.netrc. Nothing where there is no git; where
// its configuration cannot be read everything may be private.
async::Task<eval::GitLogins> read_git_logins(Environment environment);

} // namespace cachefill::session
