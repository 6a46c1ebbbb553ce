#pragma once

#include "base/environment.hpp"

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill {

// An environment variable that holds a secret, or several of one name ("CACHIX_AUTH_TOKEN_NAS" belongs to
// CACHIX_AUTH_TOKEN).
struct SecretVariable {
    enum class Names { one, and_one_for_each_cache, all_that_begin_so };
    enum class Holds {
        token,
        key,      // "name:base64", of which the second part is secret without its name, too
        path,     // of a file, which is no secret in itself
        profiles, // the same, and only what the file calls a key is secret
        anything, // not every one is a secret, "true" for instance
    };
    enum class Children { must_not_see, need_it };

    std::string_view name;
    Names names = Names::one;
    Holds holds = Holds::token;
    Children children = Children::must_not_see;

    bool is_called(std::string_view variable) const;
};

// The one list. A credential that is added here is kept from children and masked in GitHub's log; so is what a variable
// of any other tool holds in whose name a word says so ("X_TOKENS_2", "X_PASS", "X_KEY_PROD", …).
std::span<const SecretVariable> secret_variables();

// Is it kept from children (evaluators, the daemon on --stdio, git)?
bool is_kept_from_children(std::string_view variable);

// Do we read an address from it, a cache's, the flake's (NH_FLAKE) or that of a server of AWS's, which may hold a
// login?
bool names_addresses_of_ours(std::string_view variable);

// What the variables name that hold a path (Holds::path, Holds::profiles).
std::vector<std::filesystem::path> files_of_secrets(const Environment& environment);

// What no output may show: what these variables hold, secrets in NIX_CONFIG (secrets_of_nix_config) and in git's
// settings (GIT_CONFIG_VALUE_n: headers, passwords), and passwords in the URLs of any variable.
std::vector<std::string> secret_values(const Environment& environment);

// Of lines as in nix.conf: access tokens, and the passwords in all URLs.
std::vector<std::string> secrets_of_nix_config(std::string_view config);
// What the last of its lines names as `netrc-file`; empty without one.
std::string netrc_file_of(std::string_view config);

// The passwords in all URLs of a text, as they stand there and decoded, and those of what was meant for one
// ("kim:password@host", "TOKEN@host").
std::vector<std::string> passwords_in(std::string_view text);

} // namespace cachefill
