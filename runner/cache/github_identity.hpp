#pragma once

#include "base/secret.hpp"
#include "http/client.hpp"

#include <string>

namespace cachefill::cache {

// Where a step of GitHub Actions that has `id-token: write` gets a token that says which repository, branch and event
// it is, for whoever is to be told so (docs.github.com, "OpenID Connect").
struct GithubIdentity {
    std::string request_url;
    Secret request_token;
};

// Who signs them.
inline constexpr const char* github_issuer = "https://token.actions.githubusercontent.com";

// One for `audience`; good for some minutes. The answer is never repeated in a failure.
async::Task<Result<Secret>> ask_github_for_token(http::Client& client, GithubIdentity identity, std::string audience);

} // namespace cachefill::cache
