#pragma once

#include "base/failure.hpp"
#include "plan/build_ability.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::daemon {
struct Settings;
}

namespace cachefill::session {

// This machine first, then the remote builders that Nix's `builders` setting names (a text, or "@FILE").
struct Machines {
    std::vector<plan::BuildAbility> abilities;
    std::size_t local_slots = 0;     // builds at once on this machine; 0: it builds nothing
    std::size_t remote_slots = 0;    // what the builders do at once, all together
    std::vector<Failure> unreadable; // files of builders that are there and that this user cannot read
};
// `jobs`: the option of that name, which overrides Nix's max-jobs.
Machines machines_from(const daemon::Settings& nix, std::optional<std::size_t> jobs = {});

// A machine that builds nothing itself says so in these words; empty if it builds.
std::string why_nothing_is_built_here(const Machines& machines);

} // namespace cachefill::session
