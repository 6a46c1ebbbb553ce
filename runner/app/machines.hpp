#pragma once

#include "daemon/settings.hpp"
#include "plan/plan.hpp"

#include <cstddef>
#include <vector>

namespace cachefill::app {

// This machine first, then the remote builders that Nix's `builders` setting names (a text, or "@FILE").
struct Machines {
    std::vector<plan::BuildAbility> abilities;
    std::size_t remote_slots = 0;    // what the builders do at once, all together
    std::vector<Failure> unreadable; // files of builders that are there and that this user cannot read
};
Machines machines_from(const daemon::Settings& nix);

} // namespace cachefill::app
