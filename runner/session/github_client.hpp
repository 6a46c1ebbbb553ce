#pragma once

#include "github/rest.hpp"
#include "session/session.hpp"

#include <memory>

namespace cachefill::session {

// The token with which gh is logged in to the host of this repository, if it is.
async::Task<std::optional<github::Token>> ask_gh_for_token(github::Repository repository, Environment environment);

// The REST API of the GitHub that this repository is on, with a token if one can be found: GH_TOKEN, GITHUB_TOKEN,
// Nix's access-tokens, or gh's own.
async::Task<std::unique_ptr<github::RestClient>> make_rest_client(Session& session, http::Client& client,
                                                                  github::Repository repository);

} // namespace cachefill::session
