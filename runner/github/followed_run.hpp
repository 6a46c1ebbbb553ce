#pragma once

#include "base/environment.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace cachefill::github {

// The run that an event `workflow_run` follows. GitHub says so, and not that run: it can be believed. What is not known
// is empty or 0.
struct FollowedRun {
    std::uint64_t id = 0;
    std::string event;           // that caused it: "pull_request"
    std::string head_repository; // "owner/name": a fork's, perhaps
    std::string head_branch;
    std::string head_sha;
};

// Empty on every other event.
std::optional<FollowedRun> followed_run(const Environment& environment);

} // namespace cachefill::github
