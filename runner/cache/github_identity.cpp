#include "cache/github_identity.hpp"

#include "base/foreign_json.hpp"
#include "base/text.hpp"
#include "http/url.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::cache {

namespace {

constexpr std::uint64_t longest_reply = 256 << 10;

// It is near; no build waits for it for long.
http::Request question(std::string url) {
    http::Request request(http::Method::get, std::move(url));
    request.logins = http::Logins::none;
    request.follow_redirects = false;
    request.response_limit = longest_reply;
    request.deadlines.connect = std::chrono::seconds(5);
    request.deadlines.first_byte = std::chrono::seconds(25);
    request.deadlines.total = std::chrono::seconds(50);
    return request;
}

} // namespace

async::Task<Result<Secret>> ask_github_for_token(http::Client& client, GithubIdentity identity, std::string audience) {
    CO_TRY(url, http::parse_url(identity.request_url));
    if (http::is_in_the_open(url))
        co_return Failure(FailureKind::usage, "ACTIONS_ID_TOKEN_REQUEST_URL is no https address");
    auto address = url.to_string();
    address += std::string(address.find('?') == address.npos ? "?" : "&") + "audience=" + percent_encode(audience);
    auto request = question(std::move(address));
    request.headers.push_back({"Authorization", "Bearer " + std::string(identity.request_token.reveal())});
    auto shown = request;
    CO_TRY(response, co_await client.send(std::move(request)));
    if (!response.is_success()) {
        auto failure = http::status_failure(shown, response);
        auto kind = failure.can_heal() ? failure.kind() : FailureKind::auth;
        co_return Failure(kind, "GitHub gave no token: " + failure.cause()).with_http_status(response.status);
    }
    auto json = parse_foreign_json(response.body);
    auto value = json.is_object() ? json.find("value") : json.end();
    if (value == json.end() || !value->is_string() || value->get_ref<const std::string&>().empty())
        co_return Failure(FailureKind::auth, "GitHub gave no token: its answer holds none");
    co_return Secret(value->get<std::string>());
}

} // namespace cachefill::cache
