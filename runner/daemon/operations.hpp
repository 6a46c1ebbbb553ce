#pragma once

#include "daemon/messages.hpp"
#include "daemon/wire.hpp"
#include "nix/path_info.hpp"
#include "nix/realisation.hpp"

#include <filesystem>
#include <variant>

// Requests as bytes, replies as values: layouts of the worker protocol 1.34 to 1.38 (Nix, libstore/worker-protocol.cc).
namespace cachefill::daemon {

enum class Operation : std::uint64_t {
    ensure_path = 10,
    add_temp_root = 11,
    add_indirect_root = 12,
    set_options = 19,
    collect_garbage = 20,
    query_path_info = 26,
    query_valid_paths = 31,
    query_missing = 40,
    query_derivation_output_map = 41,
    query_realisation = 43,
    add_multiple_to_store = 44,
    build_paths_with_results = 46,
};

struct Request {
    Request(Operation of, std::string arguments, std::string purpose)
        : operation(of), bytes(std::move(arguments)), doing(std::move(purpose)) {}

    Operation operation;
    std::string bytes; // the operation's word and its arguments
    std::string doing; // "asking for the path info of /nix/store/…", for failures
    std::optional<nix::StorePath> path;
};

// The daemon answers an argument it cannot parse by closing the connection, so what could be one is refused here (kind
// usage).
Request set_options(const Options& options);
Request query_valid_paths(const std::vector<nix::StorePath>& paths);
Request query_path_info(const nix::StorePath& path);
Result<Request> build_paths(const std::vector<DerivedPath>& paths, BuildMode mode);
Request ensure_path(const nix::StorePath& path);
Request add_temp_root(const nix::StorePath& path);
Result<Request> add_indirect_root(const std::filesystem::path& link);
Result<Request> query_missing(const std::vector<DerivedPath>& paths);
Request query_derivation_outputs(const nix::StorePath& derivation);
Result<Request> query_realisation(const std::string& id);
// What is added follows as a framed stream.
Request add_objects();
Request find_dead();
Request delete_paths(const std::vector<nix::StorePath>& paths);

struct Garbage {
    std::vector<nix::StorePath> paths;
    std::uint64_t bytes_freed = 0;
};
using OutputPaths = std::map<std::string, std::optional<nix::StorePath>>;
using Reply = std::variant<std::monostate, std::vector<nix::StorePath>, std::optional<nix::PathInfo>,
                           std::vector<BuildResult>, OutputPaths, Garbage, Missing, std::optional<nix::Realisation>>;

// What is added: this for the number of objects, and for each of them path_info_for_import() and its NAR, of exactly
// nar_size bytes (Nix 2.4 to 2.35, libstore/store-api.cc: addMultipleToStore).
std::string objects_header(std::uint64_t count);
// Nothing of it says that it was built here.
std::string path_info_for_import(const nix::PathInfo& info);

// The reply to `request` (monostate when it carries nothing) from a daemon with which protocol 1.`minor` was
// negotiated. Meaningless unless the reader is ok() afterwards.
Reply read_reply(const Request& request, unsigned minor, WireReader& reader);

} // namespace cachefill::daemon
