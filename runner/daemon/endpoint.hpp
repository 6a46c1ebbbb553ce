#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"
#include "nix/store_path.hpp"
#include "nix/version.hpp"

#include <filesystem>
#include <string>
#include <unistd.h>
#include <vector>

namespace cachefill::daemon {

// How this machine's store is reached.
struct Endpoint {
    std::filesystem::path socket;        // set: connect there
    std::vector<std::string> command;    // else: `nix-daemon --stdio …`, started for each connection
    Environment environment;             // of that command, without our secrets
    std::filesystem::path physical_root; // "" or the root of a `local?root=DIR` store: DIR; prefix it to logical paths
    std::filesystem::path physical(const nix::StorePath& path) const {
        return physical_root.string() + path.to_string();
    }
};

// Root always talks to `nix-daemon --stdio`, others to the socket, single-user owners to --stdio. `store` is what Nix's
// setting of that name says (Settings::store): "" or "auto", "daemon", "local", "unix://SOCKET", each with "?root=DIR"
// if its files lie below DIR, or DIR itself. NIX_DAEMON_SOCKET_PATH and NIX_STATE_DIR of `environment` count, and for
// "auto" what `version` does for a `user` without /nix: a store of his own (libstore/store-api.cc). A usage failure for
// anything else.
Result<Endpoint> find_endpoint(const std::string& store, const Environment& environment,
                               const nix::Version& version = {}, unsigned user = ::geteuid());

} // namespace cachefill::daemon
