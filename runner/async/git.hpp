#pragma once

#include "async/child_process.hpp"

#include <chrono>

namespace cachefill::async {

// A git for the folder; with git_to_remote the only way in which any is started (scripts/check-layers looks). Whoever
// filled the folder is not obeyed: a bare repository that lies there among the files counts only if it is named
// (--git-dir), and git starts no fsmonitor, no hook and no program for signatures, reaches no other repository and
// fetches nothing that is missing. It asks for no password, and is told none of our secrets.
//
// `status`, and `add`, run filters: `without_filters`. `diff` runs drivers: give it --no-ext-diff, --no-textconv.
ProcessSpec git_process(const std::filesystem::path& directory, std::vector<std::string> arguments,
                        const Environment& environment);

// For what starts a git by itself, as Nix does: the same fsmonitor, hooks and programs for signatures, namely none, as
// far as variables say so (GIT_CONFIG_COUNT).
void refuse_programs_of_folders(Environment& environment);

// Variables by which a git in this folder runs none of the filters that the folder's own configuration names, but for
// git-crypt and git-lfs where that is what their name leads to: a tree with theirs cannot be looked at without them.
// The user's own stay.
Task<Environment> without_filters(Environment environment, std::filesystem::path directory,
                                  std::chrono::steady_clock::duration patience);

// A git that asks another repository by its address. No folder's configuration counts, only the user's own.
ProcessSpec git_to_remote(std::vector<std::string> arguments, const Environment& environment);

} // namespace cachefill::async
