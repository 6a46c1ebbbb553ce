#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"
#include "nix/store_path.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::desktop {

// One generation of a system or home: what a profile's link leads to.
struct Generation {
    nix::StorePath path;
    std::string name; // "system-42", "home-manager-7 of alex", "the running system"
    std::chrono::sys_time<std::chrono::milliseconds> made{};
};

// Where generations are to be found on this machine, and whose count: a profile is a link that its owner points where
// he likes.
struct ProfilePlaces {
    struct User {
        std::string name;
        unsigned number = 0; // of the user, as the kernel has it
    };
    struct Home {
        std::filesystem::path directory;
        std::filesystem::path state; // $XDG_STATE_HOME, as far as it is known: usually .local/state in it
        unsigned owner = 0;          // whose links count there, beside root's and this user's
        std::string name() const { return directory.filename().string(); }
    };
    std::filesystem::path state; // "/nix/var/nix", with the physical root before it
    std::vector<Home> homes;
    std::vector<User> users;    // whose profiles below `state` count
    std::filesystem::path run;  // "/run", with the physical root before it
    std::filesystem::path root; // the physical root, usually empty
};

// The machine's usual places, for root, this user and those of `users`. A usage failure if one of them is not known to
// the machine.
Result<ProfilePlaces> usual_places(const std::filesystem::path& physical_root, const Environment& environment,
                                   const std::vector<std::string>& users);

// System and home generations (NixOS, nix-darwin, home-manager), each store path once, oldest first. Not only
// /run/current-system: after `nh os boot` that is still the old one. Specialisations lie in their system's closure.
// Directories that cannot be read are passed over, and so are links that somebody else made.
std::vector<Generation> find_generations(const ProfilePlaces& places);

// Users with home generations below the places' state that do not count, by name.
std::vector<std::string> users_left_out(const ProfilePlaces& places);

// What is in use now: the running system, this user's home generation; empty on a machine that has neither.
std::vector<Generation> find_current(const ProfilePlaces& places);
std::optional<Generation> find_current_system(const ProfilePlaces& places);
std::optional<Generation> find_current_home(const ProfilePlaces& places, const ProfilePlaces::Home& home);

} // namespace cachefill::desktop
