#pragma once

#include "async/task.hpp"
#include "base/environment.hpp"
#include "base/result.hpp"
#include "eval/error_location.hpp"

#include <filesystem>
#include <optional>
#include <string>

// A flake in a git repository is what git tracks of it. A file that lies there all the same is not there for Nix, which
// before 2.34 says no more than that.
namespace cachefill::eval {

struct UntrackedFile {
    enum class Why {
        unknown_to_git, // never added
        ignored,        // by a rule of .gitignore
        in_submodule,   // which a flake has only if it is named with its submodules
        in_repository,  // below this one, that this one knows nothing of
    };
    std::filesystem::path repository; // its root
    std::string file;                 // relative to that; of an untracked directory this one
    Why why = Why::unknown_to_git;
    std::string rule;  // if ignored: ".gitignore:3: secrets/"
    std::string inner; // if in another repository: its root, relative to `repository`
};

// The root of the git work tree that a directory lies in; empty: it lies in none.
async::Task<std::filesystem::path> work_tree_root(std::filesystem::path directory, Environment environment);

// Whether what a message of Nix calls missing lies in the work tree behind `sources`, and git does not know it. Empty:
// it is not there either, or git tracks it (as it does after `git add -N`), or there is no git to ask.
async::Task<std::optional<UntrackedFile>> find_untracked(std::string missing, SourceMap sources,
                                                         Environment environment);

// The same for `file`, relative to the directory, which may be any in a work tree.
async::Task<std::optional<UntrackedFile>> find_untracked_below(std::filesystem::path directory, std::string file,
                                                               Environment environment);

// The failure said so that a person can act: what the file is, and what to type in `current_directory`.
Failure explain_untracked(const Failure& failure, const UntrackedFile& untracked,
                          const std::filesystem::path& current_directory);

} // namespace cachefill::eval
