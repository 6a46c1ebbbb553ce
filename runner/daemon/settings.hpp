#pragma once

#include "async/task.hpp"
#include "base/environment.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "nix/version.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::daemon {

// What Nix goes by on this machine for this user: nix.conf, NIX_CONFIG, defaults and all. The only reader of that.
struct Settings {
    nix::Version version;    // of the `nix` command
    std::string nix_version; // as text: "2.8.0"
    std::string store;       // of --store, nix.conf or NIX_REMOTE: "auto", "local?root=DIR", …
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
    bool fallback = false; // builds what a cache promised and could not deliver
    std::string sandbox;   // "true", "false" or "relaxed"
    bool substitute = true;
    bool always_allow_substitutes = false; // since Nix 2.19; older ones never do

    // How it asks caches. Empty where it goes by its default, which suits curl's ways and not ours.
    std::filesystem::path netrc_file;                    // always there, by default $NIX_CONF_DIR/netrc
    std::filesystem::path ssl_cert_file;                 // from Nix 2.16 on; older ones know the variables only
    std::optional<std::uint64_t> http_connections;       // 0: as many as it likes
    std::optional<std::chrono::seconds> connect_timeout; // 0: none
    std::optional<std::chrono::seconds> stalled_timeout; // 0: none
    std::optional<std::uint64_t> download_attempts;
    std::chrono::seconds narinfo_absent_ttl{3600}, narinfo_present_ttl{30 * 24 * 3600};

    Secret access_tokens; // as nix.conf has it: "github.com=ghp_… gitlab.com=PAT:…"
    // Every setting by its name in nix.conf and as written there: lists joined by blanks, maps as "name=value". Without
    // access-tokens. URLs in it may hold passwords: it is for Nix, not for people.
    std::map<std::string, std::string> by_name;
};

// What `nix show-config --json` printed (no version in it).
Result<Settings> parse_settings(std::string_view json);

// Runs `nix` with `arguments` ("--store", …) added. Fails (kind machine) when there is no Nix or one older than 2.8.
async::Task<Result<Settings>> effective_settings(Environment environment, std::vector<std::string> arguments = {});

} // namespace cachefill::daemon
