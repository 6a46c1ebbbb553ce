#pragma once

#include "async/task.hpp"
#include "daemon/connection.hpp"
#include "desktop/queue.hpp"
#include "sqlite/database.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::desktop {

// Sees what gets built on this machine, whoever builds it: paths that became valid since a position and were built here
// (`ultimate`; substituted and imported ones are not). Nix's database is read where this user may (its ids count
// upwards); elsewhere the store's directory is listed and the daemon is asked about every new name.
class StoreWatch {
  public:
    // `state`: "/nix/var/nix", `store`: "/nix/store", both with the physical root before them. `connect` gives a daemon
    // connection, for the second way.
    using Connect = std::function<async::Task<Result<std::unique_ptr<daemon::Connection>>>()>;
    StoreWatch(std::filesystem::path state, std::filesystem::path store, Connect connect)
        : state_(std::move(state)), store_(std::move(store)), connect_(std::move(connect)) {}

    // What came since `position`, which is moved on; at most some thousand at a time, so ask until nothing comes.
    async::Task<Result<std::vector<QueuedPath>>> poll(StorePosition& position);

    bool reads_database() const { return database_.has_value(); }

  private:
    Result<std::vector<QueuedPath>> poll_database(StorePosition& position);
    async::Task<Result<std::vector<QueuedPath>>> poll_directory(StorePosition& position);
    Result<void> list_new_names();

    std::filesystem::path state_, store_;
    Connect connect_;
    std::optional<sqlite::Database> database_;
    std::set<std::string> known_;   // names in the store's directory that have been asked about and were valid
    std::set<std::string> pending_; // to be asked about: new, or not valid yet
    std::optional<std::filesystem::file_time_type> listed_;
};

} // namespace cachefill::desktop
