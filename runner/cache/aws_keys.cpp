#include "cache/aws_keys.hpp"

#include "base/clock_moment.hpp"
#include "base/foreign_json.hpp"
#include "base/quoted_reply.hpp"
#include "base/text.hpp"
#include "cache/github_identity.hpp"
#include "cache/s3_reply.hpp"
#include "cache/token_store.hpp"
#include "http/url.hpp"

#include <nlohmann/json.hpp>

#include <array>

namespace cachefill::cache {

using async::Task;

namespace {

constexpr std::chrono::minutes before_its_end{5};
constexpr std::string_view sts_audience = "sts.amazonaws.com"; // what roles for GitHub are set up for
constexpr std::uint64_t longest_reply = 256 << 10;
constexpr std::string_view container_hosts[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23"};

// One that is near, or ours to wait for: no build waits for it for long.
http::Request question(http::Method method, std::string url, std::chrono::milliseconds connect) {
    http::Request request(method, std::move(url));
    request.logins = http::Logins::none;
    request.follow_redirects = false;
    request.response_limit = longest_reply;
    request.deadlines.connect = connect;
    request.deadlines.first_byte = connect * 5;
    request.deadlines.total = connect * 10;
    return request;
}

std::string text_of(const nlohmann::json& json, const char* name) {
    auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Failure no_key(const std::string& who, const std::string& why) {
    return Failure(FailureKind::auth, who + " gave no key: " + why);
}

Failure refused(const std::string& who, const http::Request& request, const http::Response& response) {
    auto error = parse_s3_error(response);
    auto failure = http::status_failure(request, response);
    auto why = failure.cause();
    if (!error.code.empty()) why += " " + error.code + (error.message.empty() ? "" : " (" + error.message + ")");
    if (failure.can_heal()) return Failure(failure.kind(), who + " gave no key: " + response.blotted(why));
    return no_key(who, response.blotted(why)).with_http_status(response.status);
}

} // namespace

AwsKeys::AwsKeys(async::Executor executor, http::Client& client, const async::Clock& clock, AwsIdentity identity)
    : client_(client), clock_(clock), identity_(std::move(identity)), one_at_a_time_(executor, 1) {}

bool AwsKeys::forget() {
    lent_.reset();
    return !identity_.key && (identity_.web_identity || identity_.container || !identity_.metadata_server.empty());
}

Task<Result<std::optional<AwsKey>>> AwsKeys::get() {
    if (identity_.key) co_return identity_.key;
    if (has_none_) co_return std::optional<AwsKey>();
    auto turn = co_await one_at_a_time_.acquire();
    bool is_good = lent_ && (!lent_->end || *lent_->end > clock_.wall_time() + before_its_end);
    if (!is_good) {
        CO_TRY(fetched, co_await fetch());
        has_none_ = !fetched;
        lent_ = std::move(fetched);
    }
    if (!lent_) co_return std::optional<AwsKey>();
    co_return std::optional<AwsKey>(lent_->key);
}

Task<Result<std::optional<AwsKeys::Lent>>> AwsKeys::fetch() {
    if (identity_.web_identity) {
        CO_TRY(lent, co_await ask_sts(*identity_.web_identity));
        co_return std::optional<Lent>(std::move(lent));
    }
    if (identity_.container) {
        CO_TRY(lent, co_await ask_container(*identity_.container));
        co_return std::optional<Lent>(std::move(lent));
    }
    if (identity_.metadata_server.empty()) co_return std::optional<Lent>();
    co_return co_await ask_instance();
}

Task<Result<Secret>> AwsKeys::find_token(const AwsIdentity::WebIdentity& web) {
    auto doing = "getting the token for " + web.role;
    if (!web.token_file.empty()) {
        CO_TRY(content, with_context(read_named_secret(web.token_file, SecretKind::token), doing));
        co_return Secret(std::string(trim(content)));
    }
    GithubIdentity github{web.request_url, web.request_token};
    auto token = co_await ask_github_for_token(client_, std::move(github), std::string(sts_audience));
    if (!token) co_return std::move(token).error().with_context(doing);
    co_return token;
}

// STS AssumeRoleWithWebIdentity. The token goes into the body: addresses are written down by too many.
Task<Result<AwsKeys::Lent>> AwsKeys::ask_sts(const AwsIdentity::WebIdentity& web) {
    auto place = sanitize(redact_url(web.server)), who = "STS at " + place;
    CO_TRY(server, http::parse_url(web.server));
    if (http::is_in_the_open(server))
        co_return Failure(FailureKind::usage,
                          "the token for " + web.role + " would go to " + place + " unencrypted, and is not sent");
    CO_TRY(token, co_await find_token(web));
    auto request = question(http::Method::post, server.to_string(), std::chrono::seconds(5));
    request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
    request.body = std::make_shared<const std::string>(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" + percent_encode(web.role) +
        "&RoleSessionName=" + percent_encode(web.session_name) + "&WebIdentityToken=" + percent_encode(token.reveal()));
    auto shown = request;
    shown.body.reset();
    http::Blotter sent; // the client knows of headers only
    sent.learn(token.reveal());
    auto answer = co_await client_.send(std::move(request));
    if (!answer) co_return sent.clean(answer.error());
    auto& response = *answer;
    if (!response.is_success())
        co_return sent.clean(refused(who, shown, response))
            .with_hint("does the role " + web.role + " trust whoever issued the token, for this repository?");
    Lent lent;
    lent.key.id = find_element(response.body, "AccessKeyId");
    lent.key.secret = Secret(find_element(response.body, "SecretAccessKey"));
    lent.key.session_token = Secret(find_element(response.body, "SessionToken"));
    lent.key.source = "the role " + web.role;
    lent.end = parse_utc(find_element(response.body, "Expiration"));
    if (lent.key.id.empty() || lent.key.secret.empty()) co_return no_key(who, "its answer holds none");
    co_return lent;
}

Task<Result<AwsKeys::Lent>> AwsKeys::read_json(http::Request request, std::string source) {
    auto shown = request;
    CO_TRY(response, co_await client_.send(std::move(request)));
    if (!response.is_success()) co_return refused(source, shown, response);
    auto json = parse_foreign_json(response.body);
    Lent lent;
    if (json.is_object()) {
        lent.key.id = text_of(json, "AccessKeyId");
        lent.key.secret = Secret(text_of(json, "SecretAccessKey"));
        lent.key.session_token = Secret(text_of(json, "Token"));
        lent.end = parse_utc(text_of(json, "Expiration"));
    }
    lent.key.source = std::move(source);
    if (lent.key.id.empty() || lent.key.secret.empty()) co_return no_key(lent.key.source, "its answer holds none");
    co_return lent;
}

Task<Result<AwsKeys::Lent>> AwsKeys::ask_container(const AwsIdentity::Container& container) {
    CO_TRY(url, http::parse_url(container.url));
    bool is_known =
        std::find(std::begin(container_hosts), std::end(container_hosts), url.host) != std::end(container_hosts);
    if (http::is_in_the_open(url) && !is_known)
        co_return Failure(FailureKind::usage, "AWS_CONTAINER_CREDENTIALS_FULL_URI leads to " + url.authority() +
                                                  " over plain http, which is asked for no key");
    auto request = question(http::Method::get, url.to_string(), std::chrono::seconds(2));
    auto authorization = container.authorization;
    if (!container.authorization_file.empty()) {
        CO_TRY(content, with_context(read_named_secret(container.authorization_file, SecretKind::token),
                                     "reading AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
        authorization = Secret(std::string(trim(content)));
    }
    if (!authorization.empty()) request.headers.push_back({"Authorization", std::string(authorization.reveal())});
    co_return co_await read_json(std::move(request), "the container's server of keys at " + url.authority());
}

// Version 2: a token first, which a request that was smuggled out of this machine would not have.
Task<Result<std::optional<AwsKeys::Lent>>> AwsKeys::ask_instance() {
    constexpr std::chrono::milliseconds near{500};
    auto base = identity_.metadata_server + "/latest";
    auto put = question(http::Method::put, base + "/api/token", near);
    put.headers.push_back({"X-aws-ec2-metadata-token-ttl-seconds", "21600"});
    auto answer = co_await client_.send(std::move(put));
    if (!answer || !answer->is_success()) co_return std::optional<Lent>();
    http::Header token{"X-aws-ec2-metadata-token", std::string(trim(answer->body))};
    auto roles = base + "/meta-data/iam/security-credentials/";
    auto get = question(http::Method::get, roles, near);
    get.headers.push_back(token);
    auto listed = co_await client_.send(std::move(get));
    if (!listed || !listed->is_success()) co_return std::optional<Lent>();
    auto role = std::string(trim(listed->body.substr(0, listed->body.find('\n'))));
    if (role.empty()) co_return std::optional<Lent>();
    auto ask = question(http::Method::get, roles + percent_encode(role), near);
    ask.headers.push_back(token);
    CO_TRY(lent, co_await read_json(std::move(ask), "the role " + quoted_reply(role, 200) + " of this instance"));
    co_return std::optional<Lent>(std::move(lent));
}

} // namespace cachefill::cache
