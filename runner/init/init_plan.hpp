#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::init {

// What `cachefill init` has found out, and the files that follow from it.

struct HostFacts {
    std::string name;   // "nixos:nas"
    std::string system; // "x86_64-linux"
    std::string guess;  // why the system is only a guess; empty if it is known
};

struct RepositoryFacts {
    std::filesystem::path root;            // of the work tree
    bool is_current_directory = true;      // the root is where we are; else commands are told to go there
    std::string flake_subdirectory;        // of the flake below it; usually empty
    std::string default_branch;            // of the remote, empty if unknown
    std::string current_branch;            // empty with a detached head
    std::vector<std::string> branches;     // local ones and the remote's
    std::vector<std::string> workflows;    // file names in .github/workflows that push to some cache already
    std::vector<std::string> cachix_names; // caches those use
};

// An action at a commit: what a workflow says in `uses:`.
struct PinnedAction {
    std::string repository; // "owner/name"
    std::string commit;     // 40 hexadecimal digits
    std::string version;    // "v1.2.3", for people; may be empty
};

struct InitFacts {
    std::string cache;        // as the user gives it; "" if nobody said
    std::string cache_origin; // where it comes from, if it was found; empty if the user said it
    PinnedAction action;
    std::vector<HostFacts> hosts;
    RepositoryFacts repository;
    std::map<std::string, std::vector<std::string>> runners; // labels by system, where the user names them
};

struct InitFile {
    std::filesystem::path path; // relative to the repository's root
    std::string content;
};

struct InitPlan {
    std::vector<InitFile> files;
    std::vector<std::string> notes; // what a person should know of them
    std::vector<std::string> steps; // what is left to do
};

// "owner/name@COMMIT", "owner/name@TAG" or "owner/name": repository, and what stands behind the @.
Result<std::pair<std::string, std::string>> parse_action(const std::string& text);

// The branches whose pushes start the workflow: those of the usual names that exist, and the remote's default.
std::vector<std::string> branches_to_build(const RepositoryFacts& repository);

// GitHub's own machine for a system; empty if it has none.
std::string runner_for(std::string_view system);

// A usage failure when there is nothing to fill a cache with, or no cache was named.
Result<InitPlan> plan_init(const InitFacts& facts);

// The workflow, made of the one that is shipped (workflows/build.yml) by putting what was found in the place of what
// its example names. An internal failure when the example has changed and nobody told this function.
Result<std::string> fill_template(std::string_view template_text, const InitFacts& facts);

} // namespace cachefill::init
