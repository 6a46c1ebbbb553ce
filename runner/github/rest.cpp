#include "github/rest.hpp"

#include "async/retry.hpp"
#include "base/quoted_reply.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "http/retry_after.hpp"
#include "http/url.hpp"

#include <fmt/chrono.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>

namespace cachefill::github {

using async::Task;
using nlohmann::json;
using namespace std::chrono_literals;
using std::chrono::system_clock;

namespace {

constexpr std::size_t most_kept = 64;
constexpr auto secondary_limit_pause = 60s; // GitHub: wait at least so long when nothing else is said
constexpr auto reset_margin = 1s;
constexpr std::uint64_t answer_limit = 32ULL << 20;

std::optional<std::uint64_t> number_field(const http::Response& response, std::string_view name) {
    auto text = response.find_header(name);
    return text ? parse_u64(trim(*text)) : std::nullopt;
}

std::string clock_time(system_clock::time_point when) {
    auto seconds = system_clock::to_time_t(when);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    return fmt::format("{:%H:%M}", local);
}

// GitHub's own words: {"message": "…", "errors": […], "documentation_url": "…"}.
std::string said(const http::Response& response) {
    auto body = json::parse(response.body, nullptr, false);
    if (!body.is_object()) return {};
    auto message = body.find("message");
    if (message == body.end() || !message->is_string()) return {};
    return quoted_reply(message->get_ref<const std::string&>(), 200);
}

Result<json> parse(const std::string& url, const std::string& body) {
    auto parsed = json::parse(body, nullptr, false);
    if (parsed.is_discarded())
        return Failure(FailureKind::protocol,
                       redact_url(url) + " answered something that is not JSON: '" + quoted_reply(body, 80) + "'")
            .with_hint("is GITHUB_API_URL, if set, the address of GitHub's REST API?");
    return parsed;
}

} // namespace

std::string next_page(std::string_view link) {
    for (auto part : split(link, ',')) {
        auto open = part.find('<');
        auto close = part.find('>');
        if (open == part.npos || close == part.npos || close < open) continue;
        if (part.substr(close).find("rel=\"next\"") == part.npos) continue;
        return std::string(part.substr(open + 1, close - open - 1));
    }
    return {};
}

RestClient::RestClient(http::Client& client, RestSettings settings)
    : client_(client), settings_(std::move(settings)), random_(std::random_device{}()) {
    auto base = http::parse_url(settings_.api_url);
    if (!settings_.token || (base && !http::is_in_the_open(*base))) return;
    how_to_get_a_token_ = "the token from " + settings_.token->source +
                          " is not sent there unencrypted: give GITHUB_API_URL an https:// address";
    settings_.token.reset();
}

http::Request RestClient::request(http::Method method, const std::string& path) const {
    http::Request request(method, path.starts_with('/') ? settings_.api_url + path : path);
    request.headers.push_back({"Accept", "application/vnd.github+json"});
    request.headers.push_back({"X-GitHub-Api-Version", "2022-11-28"});
    auto base = http::parse_url(settings_.api_url);
    auto url = http::parse_url(request.url);
    // A Link header could lead anywhere; the token goes to the API alone, and as safely as there.
    bool is_api = base && url && http::is_same_host(*base, *url) && (url->tls || !base->tls);
    if (settings_.token && is_api) request.bearer = settings_.token->secret;
    request.response_limit = answer_limit;
    request.deadlines.first_byte = 20s;
    request.deadlines.total = 60s;
    return request;
}

void RestClient::note_limits(const http::Response& response) {
    auto limit = number_field(response, "x-ratelimit-limit");
    auto remaining = number_field(response, "x-ratelimit-remaining");
    auto reset = number_field(response, "x-ratelimit-reset");
    if (!limit || !remaining || !reset) return;
    rate_limit_.limit = *limit;
    rate_limit_.remaining = *remaining;
    rate_limit_.reset = system_clock::time_point(std::chrono::seconds(std::min<std::uint64_t>(*reset, 1ULL << 40)));
}

Failure RestClient::explain(const http::Request& request, const http::Response& response) const {
    auto failure = http::status_failure(request, response);
    auto words = said(response);
    bool refused = response.status == 403 || response.status == 429;
    if (refused && number_field(response, "x-ratelimit-remaining") == std::uint64_t{0}) {
        auto wait = std::chrono::ceil<std::chrono::seconds>(rate_limit_.reset - system_clock::now()) + reset_margin;
        Failure limited(FailureKind::network, "GitHub's limit of " + std::to_string(rate_limit_.limit) +
                                                  " requests an hour is used up until " +
                                                  clock_time(rate_limit_.reset));
        limited = std::move(limited).with_retry_after(std::max<std::chrono::seconds>(wait, 1s));
        if (!settings_.token)
            limited = std::move(limited).with_hint(
                "set GH_TOKEN: with a token there are 5000 an hour, and unchanged answers are free");
        return std::move(limited).with_http_status(response.status);
    }
    auto pause = http::find_retry_after(response, system_clock::now());
    if (refused && (pause || to_lower(words).find("secondary rate limit") != std::string::npos)) {
        auto wait = pause.value_or(secondary_limit_pause);
        Failure limited(FailureKind::network, "GitHub asks to wait " + human_duration(wait) +
                                                  " (secondary rate limit)" + (words.empty() ? "" : ": " + words));
        return std::move(limited).with_retry_after(wait).with_http_status(response.status);
    }
    if (response.status == 401)
        return std::move(failure).with_hint(settings_.token
                                                ? "the token from " + settings_.token->source +
                                                      " is wrong or has expired; unset it, or make a new one"
                                                : how_to_get_a_token_);
    if (refused)
        return std::move(failure).with_hint(settings_.token ? "the token from " + settings_.token->source +
                                                                  " needs the permission 'Actions: read' here"
                                                            : how_to_get_a_token_);
    if (response.status == 404 && !settings_.token)
        return std::move(failure).with_hint("without a token a private repository looks as if it did not exist: " +
                                            how_to_get_a_token_);
    if (response.status == 410)
        return std::move(failure).with_hint("this version of GitHub's API is no longer served: update cachefill");
    return failure;
}

Task<Result<http::Response>> RestClient::send(http::Request request, bool may_repeat) {
    using Try = Result<Result<http::Response>>;
    auto attempt = [&]() -> Task<Try> {
        auto response = co_await client_.send(request);
        if (!response) {
            if (may_repeat) co_return Try(std::move(response).error());
            co_return Try(Result<http::Response>(std::move(response)));
        }
        note_limits(*response);
        bool absent = response->status == 404 || response->status == 410;
        bool fine = response->is_success() || response->status == 304 || absent;
        if (fine) co_return Try(std::move(response));
        auto failure = explain(request, *response);
        bool limited = failure.retry_after().has_value() && (response->status == 403 || response->status == 429);
        if (may_repeat || limited) co_return Try(std::move(failure));
        co_return Try(Result<http::Response>(std::move(failure)));
    };
    // What would not end within our patience is told at once: the caller decides whether to wait that long.
    async::RetryPolicy policy;
    policy.budget = settings_.patience;
    policy.longest_server_delay = std::chrono::hours(24);
    auto result = co_await async::with_retry(policy, random_, attempt);
    if (!result) co_return std::move(result).error();
    co_return std::move(*result);
}

void RestClient::keep(const std::string& url, Kept kept) {
    auto [it, is_new] = kept_.insert_or_assign(url, std::move(kept));
    if (is_new) kept_order_.push_back(url);
    if (kept_order_.size() <= most_kept) return;
    kept_.erase(kept_order_.front());
    kept_order_.pop_front();
}

Task<Result<std::optional<RestClient::Answer>>> RestClient::get_text(std::string path) {
    auto get = request(http::Method::get, path);
    auto url = get.url;
    auto known = kept_.find(url);
    if (known != kept_.end()) get.headers.push_back({"If-None-Match", known->second.etag});
    CO_TRY(response, co_await send(std::move(get), true));
    known = kept_.find(url);
    if (response.status == 304) {
        if (known == kept_.end())
            co_return Failure(FailureKind::protocol, redact_url(url) + " answered 304 to a question without an ETag");
        Answer answer;
        answer.body = known->second.body;
        answer.link = known->second.link;
        co_return std::optional<Answer>(std::move(answer));
    }
    if (!response.is_success()) co_return std::optional<Answer>();
    Answer answer;
    answer.link = response.find_header("Link").value_or("");
    answer.body = std::move(response.body);
    if (auto etag = response.find_header("ETag")) {
        Kept kept;
        kept.etag = *etag;
        kept.body = answer.body;
        kept.link = answer.link;
        keep(url, std::move(kept));
    }
    co_return std::optional<Answer>(std::move(answer));
}

Task<Result<std::optional<json>>> RestClient::find(std::string path) {
    CO_TRY(answer, co_await get_text(path));
    if (!answer) co_return std::optional<json>();
    CO_TRY(parsed, parse(path, answer->body));
    co_return std::optional<json>(std::move(parsed));
}

Task<Result<std::vector<json>>> RestClient::get_pages(std::string path, std::string key, std::size_t most) {
    std::vector<json> items;
    while (!path.empty() && items.size() < most) {
        CO_TRY(answer, co_await get_text(path));
        if (!answer) {
            http::Response absent;
            absent.status = 404;
            auto asked = request(http::Method::get, path);
            co_return explain(asked, absent);
        }
        CO_TRY(page, parse(path, answer->body));
        auto* list = &page;
        if (!key.empty()) {
            auto field = page.is_object() ? page.find(key) : page.end();
            list = field == page.end() ? nullptr : &*field;
        }
        if (list == nullptr || !list->is_array())
            co_return Failure(FailureKind::protocol, redact_url(path) + " answered without the list '" + key + "'");
        for (auto& item : *list) items.push_back(std::move(item));
        path = list->empty() ? std::string() : next_page(answer->link);
    }
    if (items.size() > most) items.resize(most);
    co_return items;
}

Task<Result<json>> RestClient::post(std::string path, json body) {
    return send_body(http::Method::post, std::move(path), std::move(body));
}

Task<Result<json>> RestClient::patch(std::string path, json body) {
    return send_body(http::Method::patch, std::move(path), std::move(body));
}

Task<Result<json>> RestClient::send_body(http::Method method, std::string path, json body) {
    auto sent = request(method, path);
    sent.headers.push_back({"Content-Type", "application/json"});
    sent.body = std::make_shared<const std::string>(body.dump(-1, ' ', false, json::error_handler_t::replace));
    auto asked = sent;
    CO_TRY(response, co_await send(std::move(sent), method == http::Method::patch));
    if (!response.is_success()) co_return explain(asked, response);
    if (response.body.empty()) co_return json();
    co_return parse(asked.url, response.body);
}

std::chrono::seconds RestClient::polling_interval(std::size_t calls) const {
    // Unchanged answers cost nothing with a token, and everything without one.
    if (settings_.token) return 10s;
    auto hourly = rate_limit_.limit == 0 ? 60 : rate_limit_.limit;
    // Enterprise servers have no limit by default; half of the budget is left to other programs of this address.
    auto seconds = 3600 * 2 * std::max<std::size_t>(calls, 1) / hourly;
    return std::clamp<std::chrono::seconds>(std::chrono::seconds(seconds), 10s, 240s);
}

} // namespace cachefill::github
