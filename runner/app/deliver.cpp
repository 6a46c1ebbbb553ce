#include "app/deliver.hpp"

#include "async/retry.hpp"
#include "base/text.hpp"
#include "http/client.hpp"
#include "http/url.hpp"

#include <random>

namespace cachefill::app {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t shortest_secret_part = 6; // "api" and "v1" are none

// What a server or a library says may repeat the path, in which a webhook's token stands.
std::string without_path(std::string text, const http::Url& url) {
    auto blot_out = [&text](std::string_view part) {
        for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at))
            text.replace(at, part.size(), "…");
    };
    if (url.target.size() > 1) blot_out(url.target);
    for (auto part : split(std::string_view(url.target), '/'))
        for (auto piece : split(part, '?'))
            if (piece.size() >= shortest_secret_part) blot_out(piece);
    return text;
}

// The failure with the URL taken out; kind, status and Retry-After stay.
Failure told_safely(const Failure& failure, const http::Url& url) {
    Failure safe(failure.kind(), without_path(failure.cause(), url));
    if (failure.retry_after()) safe = std::move(safe).with_retry_after(*failure.retry_after());
    safe = std::move(safe).with_http_status(failure.http_status());
    return std::move(safe).with_hint(without_path(failure.hint(), url));
}

std::string_view hint_for(int status) {
    if (status == 400) return "the service did not understand the message: check notify.format";
    if (status == 401 || status == 403 || status == 404 || status == 410)
        return "the webhook is gone or was never there: make a new one and put its URL into the secret";
    return {};
}

} // namespace

Task<Result<void>> deliver(http::Client& client, const Secret& url, std::string body,
                           const async::RetryPolicy& policy) {
    auto parsed = http::parse_url(url.reveal());
    if (!parsed)
        co_return Failure(FailureKind::usage, "CACHEFILL_NOTIFY_URL is no http or https URL")
            .with_hint("copy the webhook's whole URL into the secret");
    http::Request request(http::Method::post, std::string(url.reveal()));
    request.headers.push_back({"Content-Type", "application/json"});
    request.body = std::make_shared<const std::string>(std::move(body));
    request.response_limit = 1 << 20;
    request.deadlines.first_byte = 30s;
    request.deadlines.total = 60s;
    auto attempt = [&]() -> Task<Result<void>> {
        auto response = co_await client.send(request);
        if (!response) {
            auto failure = told_safely(response.error(), *parsed);
            if (failure.kind() != FailureKind::timeout) co_return failure;
            // It may have arrived, so it is not sent again.
            co_return Failure(FailureKind::protocol, failure.cause() + "; the message may have arrived all the same");
        }
        if (response->is_success()) co_return Result<void>();
        auto failure = told_safely(http::status_failure(request, *response), *parsed);
        co_return failure;
    };
    std::mt19937_64 random{std::random_device{}()};
    auto sent = co_await async::with_retry(policy, random, attempt);
    if (sent) co_return Result<void>();
    auto failure = std::move(sent).error().with_context("sending a message to the webhook at " + parsed->authority());
    if (auto hint = hint_for(failure.http_status()); !hint.empty())
        co_return std::move(failure).with_hint(std::string(hint));
    co_return failure;
}

} // namespace cachefill::app
