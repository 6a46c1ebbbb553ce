#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"
#include "eval/target.hpp"
#include "options/options.hpp"
#include "options/switch_command.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cachefill::options {

// Which host of a flake doctor, wait and guard are to look at.
struct HostWanted {
    std::string host;                           // that was named: "laptop", "home:kim@laptop"; empty: this machine's
    std::optional<eval::TargetKind> kind;       // that the command switches, or that was asked for; empty: any
    bool only_this_kind = false;                // nothing else will do: the command tells it
    std::vector<std::string> machines;          // this machine's names, the likeliest first
    std::vector<std::string> users;             // names of who will switch, likewise
    std::string asked_by = "cachefill doctor "; // what a host is named behind
};

// The names a host of this kind goes by on this machine, the likeliest first: as nixos-rebuild, darwin-rebuild (its
// machine's name) and home-manager (user@machine, user) have it. Without a kind those of machines before those of
// homes.
std::vector<std::string> names_of(const HostWanted& wanted);

// A name with its kind ("home:kim@desk") is that; else the kind that is wanted, if one is; else any, unless a command
// tells the kind. A usage failure tells what there is.
Result<eval::TargetRef> choose_host(const std::vector<eval::TargetRef>& found, const HostWanted& wanted);

// What names this host on a command line: "laptop", or "home:kim@desk" where the name alone might be another's.
std::string word_for(const eval::TargetRef& host, const std::vector<eval::TargetRef>& found);

// For doctor, wait and guard: takes their arguments as the command that will switch, where they are one (for doctor and
// wait a single word is a host), and its flake as the one to look at unless --flake was given. Usage failures.
Result<void> take_switch_command(Command command, bool flake_is_given, const Environment& environment,
                                 Settings& settings);
// Once all settings are known: a usage failure if they contradict the command.
Result<void> check_host(const Settings& settings);
// What they ask for; the names of machine and user are for the caller to fill in.
HostWanted host_wanted(const Settings& settings);

// The default flake of a command that names none, "FLAKE[#ATTRIBUTE]": of nh its variables, of the others the place
// where they look, if there is one there. Empty: there is none.
std::string default_flake_of(const SwitchCommand& command, const Environment& environment);

} // namespace cachefill::options
