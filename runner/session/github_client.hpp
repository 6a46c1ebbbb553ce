#pragma once

#include "github/rest.hpp"
#include "session/session.hpp"

#include <memory>

namespace cachefill::session {

// The REST API of the GitHub that this repository is on, with a token if one can be found: GH_TOKEN, GITHUB_TOKEN, or
// Nix's access-tokens.
async::Task<std::unique_ptr<github::RestClient>> make_rest_client(Session& session, http::Client& client,
                                                                  github::Repository repository);

} // namespace cachefill::session
