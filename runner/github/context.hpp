#pragma once

#include "base/environment.hpp"
#include "github/author.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace cachefill::github {

// What the environment and the event's file tell a step about itself. Some runners leave variables out; what is not
// known is empty or 0, and what would make a pull request trusted is never guessed.
struct Context {
    std::string repository; // "owner/name"
    std::string event;      // "push", "pull_request", "schedule", …
    std::string ref;        // "refs/heads/main", "refs/pull/12/merge"
    std::string branch;     // of a pull request its head branch; empty for tags
    std::string base_branch;
    std::string sha;      // of a pull request GitHub's merge commit
    std::string head_sha; // what a person calls "this commit": of a pull request its head
    std::string actor;
    std::string workflow_file; // "build.yml", of the workflow that was started
    std::uint64_t pull_request = 0;
    std::uint64_t run_id = 0, run_number = 0, run_attempt = 0;
    Author author = Author::unknown;
    bool from_dependabot = false;
    std::string server_url = "https://github.com";
    std::string api_url = "https://api.github.com";
    std::filesystem::path workspace, temporary;
    std::filesystem::path output_file, summary_file; // empty: this runner has none

    bool is_pull_request() const { return is_pull_request_event(event); }
    // Does this repository vouch for the code? Otherwise a stranger may have written it.
    bool is_trusted() const { return author == Author::repository; }
    // Of this run, for a person; empty when unknown.
    std::string run_url() const;
};

// Is this a step of GitHub Actions, or of something that behaves like it?
bool is_step(const Environment& environment);

Context read_context(const Environment& environment);

} // namespace cachefill::github
