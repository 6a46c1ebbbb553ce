#pragma once

#include "base/result.hpp"

#include <string>
#include <vector>

namespace cachefill::app {

// A command that `guard` runs or does not run, as far as it is understood.
struct Guarded {
    std::vector<std::string> command;
    std::string flake;        // that it names; empty: the default one
    std::string host;         // that it names; empty: this machine's
    bool takes_path = false;  // nh: a store path may stand where the flake would
    std::size_t flake_at = 0; // where in `command` the flake stands; its size if it names none
    std::size_t host_at = 0;  // the same of the option and value that name the host
};

// Understands nh (os, home, darwin) and nixos-rebuild, home-manager and darwin-rebuild; anything else runs as it is. A
// usage failure for no command at all, and for one that would move flake.lock after it has been looked at.
Result<Guarded> parse_guarded(const std::vector<std::string>& command);

// The command with `path` in place of the flake, where it takes one.
std::vector<std::string> with_store_path(const Guarded& guarded, const std::string& path);

} // namespace cachefill::app
