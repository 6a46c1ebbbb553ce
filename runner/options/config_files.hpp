#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"
#include "event/message.hpp"
#include "options/options.hpp"
#include "options/settings.hpp"

#include <string>
#include <vector>

namespace cachefill::options {

// The file that was named instead of those in their usual places.
struct NamedConfig {
    std::string file;       // empty: none
    bool by_hand = false;   // on the command line
    std::string flake = {}; // as it was named, which Nix and Settings::flake may take for one around it
};

// Applies the configuration files, the weakest first:
//
// 1. cachefill.yml of the flake's folder. Nobody vouches for it, so only part of it counts (options.hpp: Where). In a
//    step of GitHub Actions the repository does, for the file as it is in a commit of its own: all of that counts. Of a
//    pull request it is the file of the branch to be merged into, instead of the pull request's own, beside the flake
//    that the named folder leads to on that branch.
// 2. The user's own, $XDG_CONFIG_HOME/cachefill/cachefill.yml or config.yml. It wins: a flake has the last word on
//    nothing.
//
// A file that was named takes the place of both. It counts as the flake's if it lies in a step's checkout, or was named
// by a variable relative to wherever we are.
//
// `remarks` gets a warning for each value that does not count, with where it may stand.
Result<void> apply_config_files(const NamedConfig& named, Command command, const Environment& environment,
                                Settings& settings, std::vector<event::Message>& remarks);

} // namespace cachefill::options
