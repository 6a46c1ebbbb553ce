#pragma once

#include "async/child_process.hpp"
#include "async/task.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::async {

// A git for the folder; with git_to_remote the only way in which any is started (scripts/check-layers looks). Whoever
// filled the folder is not obeyed: a bare repository that lies there among the files counts only if it is named
// (--git-dir), and git starts no fsmonitor, no hook and no program for signatures, reaches no other repository and
// fetches nothing that is missing. It asks for no password, and is told none of our secrets.
//
// `status`, and `add`, run filters: `without_programs`. `diff` runs drivers: give it --no-ext-diff, --no-textconv.
ProcessSpec git_process(const std::filesystem::path& directory, std::vector<std::string> arguments,
                        const Environment& environment);

// For what starts a git by itself, as Nix does: the same fsmonitor, hooks and programs for signatures, namely none, and
// nothing fetched that is missing, as far as variables say so (GIT_CONFIG_COUNT).
void refuse_programs_of_folders(Environment& environment);

// Variables by which a git with these options before its command ("-C", a folder) runs none of the programs that the
// repository there, and the submodules in it, name in their own configuration, but for the filters of git-crypt and
// git-lfs where that is what their name leads to: a tree with theirs cannot be looked at without them. The user's own
// stay. A failure where not all of that can be seen within `patience`: then git is not to be started there.
Task<Result<Environment>> without_programs(Environment environment, std::vector<std::string> options,
                                           std::chrono::steady_clock::duration patience);

// The git of whoever starts it by its name, for whichever repository: this program, `program` by an absolute path, in a
// folder that comes first on PATH. It looks at the repository that it is started for and goes on as the git behind it;
// for a tree of which without_programs() has been asked for that environment git itself is started. The folder is new,
// its maker's alone, and lies below `parent`, which nobody else may be able to change; a failure where nothing may be
// started that lies there.
Result<TemporaryDirectory> make_git_guard(const std::filesystem::path& parent, const std::filesystem::path& program);
void stand_before_git(Environment& environment, const std::filesystem::path& folder);
// Nix looks for what it keeps of a user (trusted-settings.json, a store of his own) below `folder`, in all its
// versions. A git that is guarded, and so its helpers, look where they always do.
void move_data_of_nix(Environment& environment, const std::filesystem::path& folder);
// Were we started as that, by this name?
bool stands_before_git(std::string_view called_as, const Environment& environment);
// Becomes git, or says what kept it from that. `arguments` without the program's name.
Failure go_on_as_git(const std::vector<std::string>& arguments, Environment environment);

// A git that asks another repository by its address. No folder's configuration counts, only the user's own.
ProcessSpec git_to_remote(std::vector<std::string> arguments, const Environment& environment);

} // namespace cachefill::async
