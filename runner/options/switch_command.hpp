#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::eval {
enum class TargetKind : std::uint8_t;
}

namespace cachefill::options {

// The programs that switch a machine, or a user's home, to what a flake describes.
enum class SwitchTool { nh, nixos_rebuild, home_manager, darwin_rebuild, other };
std::string_view to_string(SwitchTool tool); // "nixos-rebuild"

// A command that switches, as the user typed it or would, as far as it is understood.
struct SwitchCommand {
    std::vector<std::string> words;
    SwitchTool tool = SwitchTool::other;
    std::optional<eval::TargetKind> kind;         // of what it switches; empty: it does not tell
    std::string flake;                            // that it names; empty: the default one
    std::string host;                             // that it names; empty: this machine's, or this user's
    bool takes_path = false;                      // nh: a store path may stand where the flake would
    std::string user;                             // as whom it runs (sudo); empty: as whoever runs us
    std::string directory;                        // in which it runs (env -C); empty: the current one
    std::map<std::string, std::string> variables; // that it sets for itself (env NH_FLAKE=…)
    std::size_t arguments_at = 0;                 // the first word that is the tool's own
    std::size_t flake_at = 0;                     // where in `words` the flake stands; their number if it names none

    std::string text() const; // to be pasted
    std::vector<std::string> with_path(const std::string& path) const;
    SwitchCommand with_flake(const std::string& flake) const; // the same for another flake
    // With options for the Nix behind it: "--option", "NAME", "VALUE". Empty: who knows how it would take them?
    std::string with_nix_options(const std::vector<std::string>& options) const;
    // Switches to what has been built already, fetching it first.
    std::string to_built(const std::string& output) const;
};

// Understands nh (os, home, darwin), nixos-rebuild, home-manager and darwin-rebuild behind sudo, env and the like
// (wrapped_command.hpp), and behind what seems to run them; anything else is `other`. A usage failure for no command at
// all, for one that switches to a store path or to what a file makes, and for one that would move flake.lock after it
// has been looked at.
Result<SwitchCommand> parse_switch_command(const std::vector<std::string>& words);

// The host in what follows '#': `nas`, `"kim@desk"`, `nixosConfigurations.nas` (which nh wants).
std::string host_in(std::string_view fragment);

// The command that switches to this flake (empty: the tool's default) and host (empty: the default one) with this tool.
SwitchCommand make_switch_command(SwitchTool tool, eval::TargetKind kind, const std::string& flake,
                                  const std::string& host);

} // namespace cachefill::options
