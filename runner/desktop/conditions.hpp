#pragma once

#include "async/task.hpp"
#include "base/environment.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace cachefill::desktop {

// On battery, by what the kernel says (/sys/class/power_supply): batteries of mice and headsets do not count. False
// where nothing is known.
bool is_on_battery(const std::filesystem::path& power_supplies = "/sys/class/power_supply");

// What changes when a network comes or goes: worth another try then. Empty where it is not to be had.
std::string network_fingerprint(const std::filesystem::path& process_network = "/proc/net");

// What `busctl get-property … Metered` printed ("u 1"); NetworkManager's 1 and 3 are metered and guessed to be.
bool says_metered(std::string_view answer);

// Is the connection that NetworkManager has chosen a metered one? False when there is no NetworkManager to ask.
async::Task<bool> is_metered(Environment environment);

} // namespace cachefill::desktop
