#pragma once

#include "nix/signature.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::app {

// A cache as whoever fetches from it has to name it.
struct CacheToUse {
    std::string name;
    std::string url;
    std::vector<std::string> keys; // "name:base64"; empty: it does not tell
    bool is_public = true;
};

// What this machine is, as far as its owner says it in words of its own.
struct NixosVersion {
    int year = 0, month = 0;
    // Before 22.05 there was no nix.settings.
    bool has_settings() const { return year > 22 || (year == 22 && month >= 5); }
};
// Of /etc/os-release; empty: it is no NixOS, or does not tell.
std::optional<NixosVersion> parse_os_release(std::string_view text);

// The lines for each place in which people say whom a machine fetches from. Without a version of NixOS those of both
// times are shown.
std::string lines_for_everybody(const CacheToUse& cache, const std::optional<NixosVersion>& nixos);

// What is to be added at the end of a nix.conf that says `before`; empty: it is all there.
std::string addition_to(std::string_view before, const CacheToUse& cache);

// Is a user of that name and these groups among `trusted-users` ("root @wheel *")?
bool is_among(std::string_view trusted_users, const std::string& user, const std::vector<std::string>& groups);

} // namespace cachefill::app
