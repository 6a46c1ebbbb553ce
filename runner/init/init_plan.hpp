#pragma once

#include "base/result.hpp"
#include "init/garnix.hpp"
#include "init/workflow_facts.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::init {

// What `cachefill init` has found out, what was decided, and the files that follow from both.

struct HostFacts {
    std::string name;                // "nixos:nas"
    std::string system;              // "x86_64-linux"
    std::string guess;               // why the system is only a guess; empty if it is known
    std::vector<std::string> caches; // that its configuration names
};

// A package, check or development shell.
struct OutputFacts {
    std::string output; // "packages"
    std::string system;
    std::string name;
};

struct RepositoryFacts {
    std::filesystem::path root;           // of the work tree
    bool is_current_directory = true;     // the root is where we are; else commands are told to go there
    std::string flake_subdirectory;       // of the flake below it; usually empty
    std::string default_branch;           // of the remote, empty if unknown
    std::string current_branch;           // empty with a detached head
    std::vector<std::string> branches;    // local ones and the remote's
    std::vector<WorkflowFacts> workflows; // all but those that init wrote
    std::string configuration;            // cachefill.yml where it is already, below the root; empty: nowhere
    std::optional<GarnixRules> garnix;    // if there is a garnix.yaml
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
    std::vector<OutputFacts> outputs;
    RepositoryFacts repository;
    std::map<std::string, std::vector<std::string>> runners; // labels by system, where the user names them
    std::size_t shards = 0; // so many runners at most share the work, as is asked for; 0: each system has one
};

// What only a person can decide; default_answers() has what most would say.
struct Answers {
    std::string cache;
    std::vector<std::string> branches; // whose pushes start the workflow
    bool builds_homes = false;         // else they are only evaluated
    std::vector<std::string> also;     // "packages", "checks", "devShells"
    std::string schedule;              // cron; empty: none
    bool updates_flake = false;
    std::string update_branch, update_schedule;
    bool outage_fails = true; // a cache that is away makes a run red
    std::string notify_url;   // a GitHub expression
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

Answers default_answers(const InitFacts& facts);

// A usage failure when there is nothing to fill a cache with, or no cache was named.
Result<InitPlan> plan_init(const InitFacts& facts, const Answers& answers);

} // namespace cachefill::init
