#pragma once

#include "nix/store_path.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What goes over a connection to the daemon, as values. Numbers are the wire's (worker protocol 1.34 to 1.38).
namespace cachefill::daemon {

enum class Trust { unknown, trusted, not_trusted };

// Of BuildResult. A number that a newer daemon may have added becomes misc_failure.
enum class BuildStatus : std::uint8_t {
    built = 0,
    substituted = 1,
    already_valid = 2,
    permanent_failure = 3,
    input_rejected = 4,
    output_rejected = 5,
    transient_failure = 6,
    cached_failure = 7,
    timed_out = 8,
    misc_failure = 9,
    dependency_failed = 10,
    log_limit_exceeded = 11,
    not_deterministic = 12,
    resolves_to_already_valid = 13,
    no_substituters = 14,
};

// In words: "built", "dependency failed", …
std::string_view to_string(BuildStatus status);
inline bool is_success(BuildStatus status) {
    return status == BuildStatus::built || status == BuildStatus::substituted || status == BuildStatus::already_valid ||
           status == BuildStatus::resolves_to_already_valid;
}

// "/nix/store/x.drv!out,dev", "/nix/store/x.drv!*" or, without outputs, just the path.
struct DerivedPath {
    nix::StorePath path;
    std::vector<std::string> outputs; // {"*"} for all; empty: the path itself
    std::string to_wire() const;
};

struct BuildResult {
    std::string derived_path; // as sent
    BuildStatus status = BuildStatus::misc_failure;
    std::string error_message; // sanitized
    std::map<std::string, nix::StorePath> outputs;
};

// What the daemon would do to have some derived paths, by its own settings and by what it remembers of caches.
struct Missing {
    std::vector<nix::StorePath> to_build;      // derivations
    std::vector<nix::StorePath> to_substitute; // paths
    std::vector<nix::StorePath> unknown;       // neither valid, nor served by anybody, nor made by a known derivation
    std::uint64_t download_size = 0;
    std::uint64_t nar_size = 0;
};

// What the daemon says while it works on a request. Texts are sanitized and do not end in a newline.
struct LogEvent {
    enum class Kind {
        message,
        build_started,
        build_stopped, // for whatever reason; older daemons withhold it for requested derivations until the request
                       // ends
        build_log_line,
        phase,
        substitution_started,
        download_progress,
        goals_progress, // more builds or substitutions have ended; which ones only query_valid_paths can tell
        other,
    };
    Kind kind = Kind::other;
    int level = 3;                        // of a message, as its prefix tells: 0 error, 1 warning, 3 information
    std::string text;                     // message, log line, phase name
    std::optional<nix::StorePath> path;   // the .drv of a build; the path of a substitution
    std::uint64_t done = 0, expected = 0; // download_progress: bytes; goals_progress: goals
    std::uint64_t failed = 0;             // goals_progress
    std::uint64_t moved = 0;              // download_progress: bytes since the one before
    std::string cache;                    // of a substitution and its downloads: the substituter, without secrets
    std::string machine;                  // of build_started: the remote builder's address; empty: this machine
};
using LogSink = std::function<void(const LogEvent&)>;

// Worker protocol SetOptions. It overrides the daemon's own max-jobs and cores, so callers fill those from the
// effective settings. Overrides by name are honoured for trusted clients only.
struct Options {
    bool keep_failed = false;
    bool keep_going = true;
    bool try_fallback = false;
    std::uint64_t max_build_jobs = 1;
    std::uint64_t max_silent_seconds = 0; // 0: none
    std::uint64_t build_cores = 0;
    bool use_substitutes = true;
    std::map<std::string, std::string> overrides;
};

enum class BuildMode : std::uint8_t { normal = 0, repair = 1, check = 2 };

} // namespace cachefill::daemon
