#pragma once

#include "base/environment.hpp"
#include "nix/store_path.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace cachefill::device {

// One generation of a system or home: what a profile's link leads to.
struct Generation {
    nix::StorePath path;
    std::string name; // "system-42", "home-manager-7 of alex", "the running system"
    std::chrono::sys_time<std::chrono::milliseconds> made{};
};

// Where generations are to be found on this machine.
struct ProfilePlaces {
    struct Home {
        std::filesystem::path directory;
        std::filesystem::path state; // $XDG_STATE_HOME, as far as it is known: usually .local/state in it
        std::string name() const { return directory.filename().string(); }
    };
    std::filesystem::path state; // "/nix/var/nix", with the physical root before it
    std::vector<Home> homes;
    std::filesystem::path run;  // "/run", with the physical root before it
    std::filesystem::path root; // the physical root, usually empty
};

// The machine's usual places: homes of this user, or of everybody if this user may look into them.
ProfilePlaces usual_places(const std::filesystem::path& physical_root, const Environment& environment);

// System and home generations (NixOS, nix-darwin, home-manager), each store path once, oldest first. Not only
// /run/current-system: after `nh os boot` that is still the old one. Specialisations lie in their system's closure.
// Directories that cannot be read are passed over.
std::vector<Generation> find_generations(const ProfilePlaces& places);

// What is in use now: the running system, this user's home generation; empty on a machine that has neither.
std::vector<Generation> find_current(const ProfilePlaces& places);

} // namespace cachefill::device
