#include "session/github_client.hpp"

namespace cachefill::session {

async::Task<std::unique_ptr<github::RestClient>> make_rest_client(Session& session, http::Client& client,
                                                                  github::Repository repository) {
    github::RestSettings settings;
    settings.api_url = github::api_url_of(repository, session.environment());
    settings.token = github::find_token(repository, session.environment());
    if (!settings.token) {
        const auto* nix = co_await session.nix_configuration().read();
        if (*nix)
            settings.token = github::find_token(repository, session.environment(), (*nix)->access_tokens.reveal());
    }
    co_return std::make_unique<github::RestClient>(client, std::move(settings));
}

} // namespace cachefill::session
