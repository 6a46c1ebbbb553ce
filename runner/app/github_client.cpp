#include "app/github_client.hpp"

#include "async/child_process.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::app {

namespace {

constexpr auto nix_patience = std::chrono::seconds(20);

// "github.com=TOKEN …"; empty if there are none or Nix cannot tell.
async::Task<std::string> nix_access_tokens(Environment environment) {
    async::ProcessSpec spec;
    spec.arguments = {"nix", "--extra-experimental-features", "nix-command", "show-config", "--json"};
    spec.environment = std::move(environment);
    auto answer = co_await async::run_process(std::move(spec), nix_patience);
    std::string tokens;
    if (!answer || !answer->status.success()) co_return tokens;
    auto settings = nlohmann::json::parse(answer->output, nullptr, false);
    if (!settings.is_object() || !settings.contains("access-tokens")) co_return tokens;
    auto value = settings["access-tokens"].find("value");
    if (value == settings["access-tokens"].end()) co_return tokens;
    if (value->is_string()) co_return value->get<std::string>();
    if (value->is_object())
        for (const auto& [scope, token] : value->items())
            if (token.is_string()) tokens += scope + "=" + token.get<std::string>() + " ";
    co_return tokens;
}

} // namespace

async::Task<std::unique_ptr<github::RestClient>> make_rest_client(Session& session, http::Client& client,
                                                                  github::Repository repository) {
    github::RestSettings settings;
    settings.api_url = github::api_url_of(repository, session.environment());
    settings.token = github::find_token(repository, session.environment());
    if (!settings.token) {
        auto tokens = co_await nix_access_tokens(session.environment().without_our_secrets());
        settings.token = github::find_token(repository, session.environment(), tokens);
    }
    co_return std::make_unique<github::RestClient>(client, std::move(settings));
}

} // namespace cachefill::app
