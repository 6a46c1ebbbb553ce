#pragma once

#include "async/task.hpp"
#include "base/environment.hpp"
#include "base/result.hpp"
#include "nix/path_info.hpp"
#include "nix/store_path.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::daemon {

// How this machine's store is reached (nix-mechanics 1.1).
struct Endpoint {
    std::filesystem::path socket;       // set: connect there
    std::vector<std::string> command;   // else: `nix-daemon --stdio …`, started for each connection
    Environment environment;            // of that command, without our secrets
    std::filesystem::path physical_root; // "" or the root of a `local?root=DIR` store: DIR; prefix it to logical paths
    std::filesystem::path physical(const nix::StorePath& path) const {
        return physical_root.string() + path.to_string();
    }
};

// Root always talks to `nix-daemon --stdio`, others to the socket, single-user owners to --stdio. `store_uri` is "",
// "auto", "daemon", "local", "local?root=DIR", an absolute DIR (the same), or "unix://SOCKET". NIX_REMOTE,
// NIX_DAEMON_SOCKET_PATH and NIX_STATE_DIR of `environment` count when it is empty. A usage failure for anything else.
Result<Endpoint> find_endpoint(const std::string& store_uri, const Environment& environment);

enum class Trust { unknown, trusted, not_trusted };

// Of BuildResult: worker protocol, nix-mechanics section 2.
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

// What the daemon says while it works on a request. Texts are sanitized.
struct LogEvent {
    enum class Kind { message, build_started, build_log_line, phase, substitution_started, download_progress, other };
    Kind kind = Kind::other;
    int level = 0;                                 // of a message: 0 error, 1 warning, 2 notice, …
    std::string text;                              // message, log line, phase name
    std::optional<nix::StorePath> path;            // the .drv of a build; the path of a substitution
    std::uint64_t done = 0, expected = 0;          // download_progress, bytes
};
using LogSink = std::function<void(const LogEvent&)>;

// Worker protocol SetOptions. It overrides the daemon's own max-jobs and cores, so callers fill those from the effective
// settings. Overrides by name are honoured for trusted clients only.
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

// One connection to the daemon, one request at a time (a second one waits). A connection that broke, or was cancelled in
// the middle of a message, stays broken: every later call fails at once with kind store. Destroying it closes it, which
// also ends its builds within milliseconds and drops its temporary roots.
class Connection {
  public:
    virtual ~Connection() = default;

    virtual Trust trust() const = 0;
    virtual const std::string& nix_version() const = 0; // "2.8.0"
    virtual bool is_broken() const = 0;
    virtual void set_log_sink(LogSink sink) = 0;

    virtual async::Task<Result<void>> set_options(Options options) = 0;
    virtual async::Task<Result<std::vector<nix::StorePath>>> query_valid_paths(std::vector<nix::StorePath> paths) = 0;
    virtual async::Task<Result<std::optional<nix::PathInfo>>> query_path_info(nix::StorePath path) = 0;
    // In the order asked; requests are pipelined.
    virtual async::Task<Result<std::vector<std::optional<nix::PathInfo>>>>
    query_path_infos(std::vector<nix::StorePath> paths) = 0;
    virtual async::Task<Result<std::vector<BuildResult>>> build_paths(std::vector<DerivedPath> paths, BuildMode mode) = 0;
    // Substitutes it if it is not valid; fails (kind store) if it cannot.
    virtual async::Task<Result<void>> ensure_path(nix::StorePath path) = 0;
    virtual async::Task<Result<void>> add_temp_root(nix::StorePath path) = 0;
    virtual async::Task<Result<void>> add_temp_roots(std::vector<nix::StorePath> paths) = 0; // pipelined
    // `link` is an absolute path of a symlink that exists and points to a store path.
    virtual async::Task<Result<void>> add_indirect_root(std::filesystem::path link) = 0;
    // Output name to path; absent when not known before building.
    virtual async::Task<Result<std::map<std::string, std::optional<nix::StorePath>>>>
    query_derivation_outputs(nix::StorePath derivation) = 0;
    // The subset of `paths` that no root keeps.
    virtual async::Task<Result<std::vector<nix::StorePath>>> find_dead(std::vector<nix::StorePath> paths) = 0;
    // Deletes exactly these (closed under referrers); bytes freed. The first live one ends it with a failure.
    virtual async::Task<Result<std::uint64_t>> delete_paths(std::vector<nix::StorePath> paths) = 0;
    // The raw NAR, in pieces, checked against `nar_size`.
    virtual async::Task<Result<void>> nar_from_path(nix::StorePath path, std::uint64_t nar_size,
                                                    std::function<Result<void>(std::string_view)> sink) = 0;
};

// Connects and shakes hands, with a deadline. Failures say what was tried and carry the daemon's standard error. A
// protocol older than 1.34 is refused: it names the version found and Nix 2.8 as the oldest supported.
async::Task<Result<std::unique_ptr<Connection>>> connect(const Endpoint& endpoint,
                                                         std::chrono::milliseconds deadline = std::chrono::seconds(30));

} // namespace cachefill::daemon
