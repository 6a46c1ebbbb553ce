#pragma once

#include "async/task.hpp"
#include "base/environment.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::daemon {

// What Nix goes by on this machine for this user: nix.conf, NIX_CONFIG, defaults and all.
struct Settings {
    std::string nix_version; // of the `nix` command: "2.8.0"
    std::vector<std::string> substituters;
    std::vector<std::string> trusted_substituters;
    std::vector<std::string> trusted_public_keys;
    std::string system; // "x86_64-linux"
    std::vector<std::string> extra_platforms;
    std::vector<std::string> system_features;
    std::uint64_t max_jobs = 1; // "auto" is resolved
    std::uint64_t cores = 0;
    std::string builders;              // as written: may be "@FILE"
    std::uint64_t max_silent_time = 0; // seconds; 0: none
    std::uint64_t timeout = 0;         // seconds; 0: none
    bool require_sigs = true;
    std::string sandbox; // "true", "false" or "relaxed"
    bool substitute = true;
    bool always_allow_substitutes = false; // since Nix 2.19; older ones never do
    std::filesystem::path netrc_file;
    // Every setting by its name in nix.conf and as written there: lists joined by blanks, maps as "name=value". Without
    // access-tokens, which are secrets.
    std::map<std::string, std::string> by_name;
};

// What `nix show-config --json` printed (no version in it).
Result<Settings> parse_settings(std::string_view json);

// Runs `nix` with `arguments` ("--store", …) added. Fails (kind machine) when there is no Nix or one older than 2.8.
async::Task<Result<Settings>> effective_settings(Environment environment, std::vector<std::string> arguments = {});

} // namespace cachefill::daemon
