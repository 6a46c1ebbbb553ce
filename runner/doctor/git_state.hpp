#pragma once

#include "async/task.hpp"
#include "base/environment.hpp"
#include "base/result.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::doctor {

// What git knows of the work tree that a flake lies in.
struct GitState {
    std::filesystem::path root;
    std::string subdirectory; // where in it the flake lies; usually empty
    std::string commit;       // HEAD; empty: nothing is committed yet
    std::chrono::system_clock::time_point committed_at{};
    std::string branch;                 // empty: detached
    std::string remote;                 // the branch's, else origin, else the only one; empty: none
    std::string remote_url;             // may hold credentials: redact before showing
    bool pushed = false;                // some branch of the remote has HEAD
    bool lock_unpushed = false;         // flake.lock differs between HEAD and the remote's branch
    std::vector<std::string> changed;   // tracked (or added) files that are not as in HEAD, relative to `root`
    std::vector<std::string> untracked; // what Nix does not see
    bool lock_changed = false;          // the flake's own flake.lock is not as in HEAD

    bool is_clean() const { return changed.empty(); }
    std::string short_commit() const { return commit.substr(0, 7); }
    // The flake as it is in a commit of this repository.
    std::string flake_at(const std::string& revision) const;
};

// Empty: `directory` is in no git work tree, or there is no git. Asks the remote itself (at most ten seconds) only when
// what was last fetched from it lacks HEAD.
async::Task<Result<std::optional<GitState>>> read_git_state(std::filesystem::path directory, Environment environment);

// A file as it is in a commit; empty: it is not there, or the commit is not here.
async::Task<std::optional<std::string>> file_in_commit(std::filesystem::path root, std::string commit, std::string file,
                                                       Environment environment);

} // namespace cachefill::doctor
