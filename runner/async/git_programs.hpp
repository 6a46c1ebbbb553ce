#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cachefill::async {

// A setting of git, with where it stands: "system", "global", "local", "worktree", "command" (git help config).
struct GitSetting {
    std::string scope, name, value;
};

// Of `git config --list --show-scope -z`.
std::vector<GitSetting> parse_git_settings(std::string_view listed);

// Is this command the filter or driver that a well-known program writes for itself, and what PATH has of that name?
using IsWellKnown = std::function<bool(const std::string& command)>;

// What said last makes git, and git-lfs, run no program that a repository's own settings name, but for filters that are
// well known; in the order in which it is to be said. What the user's own settings name is run as it would be without
// the repository's. Pure.
std::vector<std::pair<std::string, std::string>> settings_against_programs(const std::vector<GitSetting>& settings,
                                                                           const IsWellKnown& is_well_known);

// Is this a filter as `git-crypt init` and `git lfs install --local` write it? With quotes, without the program's
// folder.
bool is_filter_of_git_crypt(std::string_view arguments);
bool is_filter_of_git_lfs(std::string_view arguments);

} // namespace cachefill::async
