#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace cachefill::options {

// What a command line runs in the end, behind sudo, env, nice, systemd-inhibit, `nix run` and their like.
struct WrappedCommand {
    std::string program;                          // its name without a directory; empty: there is none
    std::size_t arguments_at = 0;                 // the first word that is the program's own
    std::string user;                             // as whom it runs; empty: as whoever runs us
    std::string directory;                        // that it is run in; empty: the current one
    std::map<std::string, std::string> variables; // that are set for it
};

WrappedCommand unwrap(std::span<const std::string> words);

} // namespace cachefill::options
