#pragma once

#include "async/task.hpp"
#include "base/result.hpp"
#include "daemon/endpoint.hpp"
#include "daemon/messages.hpp"
#include "nix/path_info.hpp"
#include "nix/store_path.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::nix {
struct Realisation;
}

namespace cachefill::daemon {

using Payload = std::function<async::Task<Result<std::string>>()>;

// One connection to the daemon, one request at a time (a second one waits). A connection that broke, or was cancelled
// in the middle of a message, stays broken: every later call fails at once with kind store. Destroying it closes it,
// which also ends its builds within milliseconds and drops its temporary roots.
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
    virtual async::Task<Result<std::vector<BuildResult>>> build_paths(std::vector<DerivedPath> paths,
                                                                      BuildMode mode) = 0;
    // Substitutes it if it is not valid; fails (kind store) if it cannot.
    virtual async::Task<Result<void>> ensure_path(nix::StorePath path) = 0;
    virtual async::Task<Result<void>> add_temp_root(nix::StorePath path) = 0;
    virtual async::Task<Result<void>> add_temp_roots(std::vector<nix::StorePath> paths) = 0; // pipelined
    // `link` is an absolute path of a symlink that exists and points to a store path.
    virtual async::Task<Result<void>> add_indirect_root(std::filesystem::path link) = 0;
    // What building or fetching these would take. It may look at caches for as long as `deadline` allows.
    virtual async::Task<Result<Missing>> query_missing(std::vector<DerivedPath> paths,
                                                       std::chrono::milliseconds deadline) = 0;
    // Output name to path; absent when not known before building.
    virtual async::Task<Result<std::map<std::string, std::optional<nix::StorePath>>>>
    query_derivation_outputs(nix::StorePath derivation) = 0;
    // What this machine knows of an output by its realisation's id; absent when nothing. A daemon without
    // ca-derivations, or with Nix 2.35, refuses.
    virtual async::Task<Result<std::optional<nix::Realisation>>> query_realisation(std::string id) = 0;
    // The subset of `paths` that no root keeps.
    virtual async::Task<Result<std::vector<nix::StorePath>>> find_dead(std::vector<nix::StorePath> paths) = 0;
    // Adds store objects that others wrote down (operation 44), each after its references: `payload` comes to what
    // objects_header() and path_info_for_import() begin, a piece at a time, an empty one at the end. Of all that is
    // added, valid before or not, the connection has temporary roots. What is not content-addressed needs a signature
    // that the daemon trusts. A payload that fails breaks the connection: the daemon waits for the rest.
    virtual async::Task<Result<void>> add_objects(Payload payload) = 0;
    // Deletes exactly these (closed under referrers); bytes freed. The first live one ends it with a failure.
    virtual async::Task<Result<std::uint64_t>> delete_paths(std::vector<nix::StorePath> paths) = 0;
};

// Connects and shakes hands, with a deadline. The process must ignore SIGPIPE. Failures say what was tried and carry
// the daemon's standard error. A protocol older than 1.34 is refused: it names the version found and Nix 2.8 as the
// oldest supported.
async::Task<Result<std::unique_ptr<Connection>>> connect(const Endpoint& endpoint,
                                                         std::chrono::milliseconds deadline = std::chrono::seconds(30));

} // namespace cachefill::daemon
