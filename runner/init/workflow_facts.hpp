#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::init {

// What a step of a workflow is there for, as far as it matters to a cache.
enum class StepRole {
    cache,         // sets a cache up, or pushes to one
    build,         // nix build and its like
    store_archive, // keeps /nix in GitHub's own cache
    notice,        // sends a message
    check,         // nix flake check
    update,        // of flake.lock, and the pull request for it
    certificates,
    installer,   // of Nix
    disk,        // frees some, or adds swap
    emulation,   // QEMU
    ours_to_see, // checkout and all that is none of our business
};

// Does cachefill do what such a step does?
bool is_taken_over(StepRole role);

struct StepFacts {
    std::string job;
    std::string title; // its name, else what it uses or runs
    StepRole role = StepRole::ours_to_see;
};

// One that makes a machine ready, as it stands there: from its dash on, without indentation.
struct PreparingStep {
    StepRole role;
    std::string text;
    bool operator==(const PreparingStep&) const = default;
};

struct Preparation {
    std::vector<PreparingStep> steps;
    bool is_for_cache = false; // of a job that sets a cache up or pushes to one
};

struct WorkflowFacts {
    std::string file; // "build.yml"
    std::vector<StepFacts> steps;
    std::vector<std::string> caches; // that it pushes to, names of Cachix or addresses; no expressions
    bool pushes = false;             // to whatever cache
    bool updates_flake = false;
    bool checks_flake = false;
    bool forgives_outages = false; // its steps for the cache may fail
    std::vector<std::string> crons;
    std::vector<std::string> branches; // whose pushes start it; no globs
    std::string update_branch;         // which its update is for; empty: the default one
    std::string update_title;          // of its pull request; empty: not said
    std::string token_secret;          // name of the secret with the token of Cachix
    std::string notify_url;            // an expression that yields the address of a webhook, or nothing
    std::string jobs, cores;           // what its commands tell Nix; empty: nothing
    // Of the job that installs Nix, is for the cache if one is, and prepares most; by RUNNER_OS: "Linux", "macOS", or
    // "" for both.
    std::map<std::string, Preparation> preparation;
    std::vector<std::string> not_copied; // titles of those that need something of their job or workflow
};

// Nothing if it is no workflow.
std::optional<WorkflowFacts> read_workflow(std::string_view file, const std::string& text);

} // namespace cachefill::init
