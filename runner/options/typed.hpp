#pragma once

#include "base/environment.hpp"
#include "base/failure.hpp"
#include "options/options.hpp"
#include "options/settings.hpp"

#include <string>
#include <vector>

// Commands of ours that a person is told to type next: made from what was typed, so that they mean the same flake, the
// same cache and the same store. A command that would show a secret is not told: all of these are empty then.
namespace cachefill::options {

// The very same command once more.
std::string command_again(const Typed& typed);

// Another command of ours with the arguments given and those of the options typed that it knows, too; but none that say
// how to print or how long to wait. A command that takes a flake gets the one that was typed.
std::string other_command(const Typed& typed, Command command, const std::vector<std::string>& arguments);

// That no cache is named, with why the one of the flake's own file does not count, or else with `hint`.
Failure no_cache_named(const Settings& settings, std::string hint);

// Where no cache was named: "; if 'my-cache' is the cache: --cache my-cache" for a word that stands where hosts or
// paths do. Empty: there is none.
std::string cache_among_words(const Settings& settings);

// Fills what was looked at, for these hosts: also the cache that only the flake's own file named, which may say where
// to look and not where to push.
std::string command_to_fill(const Settings& settings, const std::vector<std::string>& hosts);

// Tells how a machine comes to fetch from the cache that was typed, or that stands where every command finds it.
std::string command_to_use(const Typed& typed);

// How this program is called again: "cachefill" where that is what a shell would find, else as it was called.
std::string program_name(const std::string& called_as, const Environment& environment);

// Shows the log of the derivation that follows it, kept in that store: "nix log".
std::string log_command(const std::string& store);

// What switches hosts of this kind on this machine: nh where there is one, else the tool of its own.
SwitchTool tool_for(eval::TargetKind kind, const Environment& environment);

} // namespace cachefill::options
