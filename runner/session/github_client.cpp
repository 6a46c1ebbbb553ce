#include "session/github_client.hpp"

#include "async/child_process.hpp"
#include "base/text.hpp"
#include "http/client.hpp"
#include "options/settings.hpp"
#include "presence/nix_configuration.hpp"

namespace cachefill::session {

async::Task<std::optional<github::Token>> ask_gh_for_token(github::Repository repository, Environment environment) {
    // gh knows the host, and not where that variable leads to.
    if (!environment.get_or("GITHUB_API_URL").empty() || !async::find_program("gh", environment))
        co_return std::nullopt;
    async::ProcessSpec spec;
    spec.arguments = {"gh", "auth", "token", "--hostname", repository.host};
    spec.environment = environment.without_our_secrets();
    auto finished = co_await async::run_process(std::move(spec), std::chrono::seconds(5), 4096);
    if (!finished || !finished->status.success()) co_return std::nullopt;
    Secret token(std::string(trim(finished->output)));
    if (token.empty() || token.reveal().find_first_of(" \t\r\n") != std::string_view::npos) co_return std::nullopt;
    co_return github::Token{.secret = std::move(token), .source = "gh auth token"};
}

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
    if (!settings.token) settings.token = co_await ask_gh_for_token(repository, session.environment());
    co_return std::make_unique<github::RestClient>(client, std::move(settings));
}

} // namespace cachefill::session
