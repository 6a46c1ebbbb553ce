#pragma once

#include "github/actions_api.hpp"
#include "http/client.hpp"
#include "support/github_server.hpp"
#include "support/run_task.hpp"

#include <functional>
#include <memory>

namespace cachefill::test {

inline const std::string sha = "0123456789abcdef0123456789abcdef01234567";

// Runs `body` with a client of that server's API on a loop of its own.
inline void with_rest(const GithubServer& server, std::string token,
                      std::function<async::Task<void>(github::RestClient&, github::ActionsApi&)> body,
                      std::chrono::milliseconds patience = std::chrono::seconds(30)) {
    auto run = [&](async::Executor executor) -> async::Task<void> {
        auto client = http::make_client(executor, {});
        github::RestSettings settings;
        settings.api_url = server.url();
        settings.patience = patience;
        if (!token.empty()) settings.token = github::Token{.secret = Secret(token), .source = "GH_TOKEN"};
        github::RestClient rest(*client, std::move(settings));
        github::Repository repository;
        repository.host = "github.com";
        repository.owner = "o";
        repository.name = "r";
        github::ActionsApi api(rest, repository);
        co_await body(rest, api);
    };
    run_task<void>(run);
}

inline nlohmann::json one_run(nlohmann::json frames) {
    return {{"id", 7}, {"sha", sha}, {"branch", "main"}, {"number", 3}, {"frames", std::move(frames)}};
}

inline nlohmann::json repository_with(nlohmann::json runs) {
    nlohmann::json repository = {{"branches", {{"main", sha}}}, {"runs", std::move(runs)}};
    return {{"o/r", std::move(repository)}};
}

} // namespace cachefill::test
