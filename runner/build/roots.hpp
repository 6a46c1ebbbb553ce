#pragma once

#include "async/task.hpp"
#include "base/files.hpp"
#include "base/result.hpp"
#include "daemon/connection.hpp"
#include "nix/store_path.hpp"

#include <filesystem>
#include <memory>
#include <unordered_map>

namespace cachefill::build {

// Keeps paths from garbage collection: temporary roots for as long as this object lives, and for
// what was built and is not yet published indirect roots in a folder of this run, which survive even our death. Folders
// of dead runs (their lock is free) are cleared at the start.
class Roots {
  public:
    // `base`: where the folders of all runs lie, for instance ~/.local/state/cachefill/roots.
    static async::Task<Result<std::unique_ptr<Roots>>> open(const daemon::Endpoint& endpoint,
                                                            std::filesystem::path base);
    ~Roots();

    // Before anything is built with them or into them.
    async::Task<Result<void>> hold(std::vector<nix::StorePath> paths);
    // After it was built, until release().
    async::Task<Result<void>> keep(nix::StorePath path);
    void release(const nix::StorePath& path);
    // Those of them that are valid.
    async::Task<Result<std::vector<nix::StorePath>>> find_valid(std::vector<nix::StorePath> paths);
    // From now on only these are held, and what was kept: the temporary roots of everything else end.
    async::Task<Result<void>> hold_only(std::vector<nix::StorePath> paths);

  private:
    Roots(const daemon::Endpoint& endpoint, std::unique_ptr<daemon::Connection> connection,
          std::filesystem::path folder, FileDescriptor lock)
        : endpoint_(endpoint), connection_(std::move(connection)), folder_(std::move(folder)), lock_(std::move(lock)) {}

    const daemon::Endpoint& endpoint_;
    std::shared_ptr<daemon::Connection> connection_; // shared with requests under way when it is replaced
    std::filesystem::path folder_;
    FileDescriptor lock_;
};

} // namespace cachefill::build
