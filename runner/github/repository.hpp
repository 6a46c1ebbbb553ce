#pragma once

#include "base/environment.hpp"
#include "base/secret.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cachefill::github {

// A repository on GitHub, GitHub Enterprise Server or GHE.com.
struct Repository {
    std::string host; // "github.com", with ":PORT" if it is not the default one; lower case
    std::string owner;
    std::string name;

    std::string full_name() const { return owner + "/" + name; }
    friend bool operator==(const Repository&, const Repository&) = default;
};

// The remote of a git repository: https://HOST/OWNER/NAME(.git), ssh://git@HOST/OWNER/NAME, git@HOST:OWNER/NAME, and
// Nix's github:OWNER/NAME. Empty for everything else (a directory, another forge's nested groups).
std::optional<Repository> parse_remote(std::string_view url);

// GITHUB_API_URL, if set; else api.github.com, api.SUB.ghe.com, or HOST/api/v3.
std::string api_url_of(const Repository& repository, const Environment& environment);

// A token and where it came from, for messages.
struct Token {
    Secret secret;
    std::string source;
};

// The token that a step of GitHub Actions was handed, for the instance that its job runs on; a handed-over one first.
std::optional<Token> token_of_step(const Environment& environment);

// By where the API's requests go (api_url_of). GH_TOKEN, GITHUB_TOKEN go to github.com, *.ghe.com and where
// GITHUB_API_URL is set, whatever a remote names; to the repository's host, if GITHUB_API_URL or GH_HOST says that it
// is ours, GH_ENTERPRISE_TOKEN, GITHUB_ENTERPRISE_TOKEN; else, to that host alone, `access_tokens`: Nix's setting of
// that name as nix.conf has it ("github.com=ghp_… ghe.example=…"), where an entry for "HOST/OWNER" or "HOST/OWNER/NAME"
// is the better match. Empty: none; public repositories can be read without.
std::optional<Token> find_token(const Repository& repository, const Environment& environment,
                                std::string_view access_tokens = {});

} // namespace cachefill::github
