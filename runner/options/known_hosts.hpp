#pragma once

#include "base/environment.hpp"

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Which hosts a flake has, as far as it is known without evaluating anything: for completions, which must take no time
// and work without a network.
namespace cachefill::options {

// Keeps what a listing of the flake gave ("nixos:nas"), for offered_hosts(), in a directory that is there and nobody
// else's (make_state_directory). Only a help: whatever goes wrong is ignored.
void remember_hosts(const std::filesystem::path& state_directory, const std::string& flake,
                    const std::vector<std::string>& hosts);

// As they were listed last; empty: never, or long ago.
std::vector<std::string> remembered_hosts(const std::filesystem::path& state_directory, const std::string& flake);

// What stands in the text of a flake.nix: `nixosConfigurations.nas = …`, `nixosConfigurations = { nas = …; }`.
std::vector<std::string> written_hosts(std::string_view flake_nix);

// One a line, for a shell whose command line has these words behind the program's name; the last one is the one begun.
// Names come without their kind unless one was begun. What a shell might take for more than a name is not offered.
std::string offered_hosts(std::span<const std::string> words, const Environment& environment);

} // namespace cachefill::options
