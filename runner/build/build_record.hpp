#pragma once

#include "event/kinds.hpp"
#include "nix/store_path.hpp"
#include "plan/graph.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::build {

// What became of one derivation.
struct BuildRecord {
    event::BuildOutcome outcome = event::BuildOutcome::not_started;
    std::optional<std::chrono::steady_clock::time_point> start; // unless it never started
    std::chrono::milliseconds took{};
    std::vector<nix::StorePath> outputs;
    std::string builder; // the remote one that it ran on, by its address; empty: this machine
    std::string error;
    std::vector<std::string> log_tail;
    bool failed_elsewhere = false; // another machine tried it, whose error and log these are
    bool disk_was_full = false;    // of this machine: no fault of the derivation
    bool builder_failed = false;   // a remote one, for a reason of its own, and nobody else could
    std::optional<plan::DerivationId> blocked_by;
    std::string waits_for; // not started, because a cache with one of its inputs is away: which, and what it said
};

// One try to fetch an input that came to an end.
struct FetchRecord {
    plan::PathId path{};
    std::chrono::steady_clock::time_point start;
    std::chrono::milliseconds took{};
    std::string error; // empty: it is here
};

} // namespace cachefill::build
