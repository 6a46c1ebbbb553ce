#include "cache/attic_api.hpp"

#include "base/quoted_reply.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "cache/credentials.hpp"
#include "cache/told_reply.hpp"
#include "http/url.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::cache {

namespace {

using Json = nlohmann::json;

constexpr const char* address_hint = "is this the address of a server of attic?";
// The server answers when it has cut the NAR up, compressed and stored it: two slow cores did 27 MiB a second.
constexpr std::uint64_t worked_in_a_second = 10 << 20;

Failure nonsense(const http::Response& response, std::string_view what) {
    return nonsense_answer(response, what, address_hint);
}

Result<Json> parse_object(const http::Response& response) { return read_object(response, address_hint); }

std::string text_in(const Json& json, const char* name) {
    auto field = json.find(name);
    return field != json.end() && field->is_string() ? field->get<std::string>() : std::string();
}

std::vector<std::string> texts_in(const Json& json, const char* name) {
    std::vector<std::string> texts;
    auto field = json.find(name);
    if (field == json.end() || !field->is_array()) return texts;
    for (const auto& entry : *field)
        if (entry.is_string()) texts.push_back(quoted_reply(entry.get_ref<const std::string&>(), 80));
    return texts;
}

// "Global", or {"Period": seconds}.
std::string retention_in(const Json& json) {
    auto field = json.find("retention_period");
    if (field == json.end() || !field->is_object() || !field->contains("Period")) return {};
    const auto& seconds = (*field)["Period"];
    if (!seconds.is_number_unsigned()) return {};
    constexpr std::uint64_t day = 86'400;
    auto count = seconds.get<std::uint64_t>();
    return count >= day ? counted(count / day, "day") : counted(count, "second");
}

// Its own word for what went wrong: "NoSuchCache".
std::string error_name(const http::Response& response) {
    auto json = Json::parse(response.body, nullptr, false);
    return json.is_object() ? text_in(json, "error") : std::string();
}

} // namespace

AtticApi::AtticApi(http::Client& client, async::RetryPolicy policy, const CacheUri& uri, AtticLogin login,
                   http::Logins logins)
    : client_(client), policy_(policy), uri_(uri), login_(std::move(login)), logins_(logins),
      endpoint_(login_.endpoint) {
    if (endpoint_.empty() && uri.attic.is_address()) endpoint_ = uri.attic.endpoint();
}

std::string AtticApi::with_login(const std::string& url) const {
    auto parsed = http::parse_url(url);
    if (!login_.token || !login_.is_of_endpoint || !parsed || !http::is_in_the_open(*parsed)) return url;
    // As netrc would have it: attic takes the password of any user for the token.
    auto start = url.find("://") + 3;
    return url.substr(0, start) + "attic:" + percent_encode(login_.token->reveal()) + "@" + url.substr(start);
}

http::Request AtticApi::request(http::Method method, const std::string& below) const {
    auto url = endpoint_ + "/_api/v1/" + below;
    http::Request request(method, with_login(url));
    if (request.url == url) request.bearer = login_.token;
    request.logins = logins_;
    request.headers.push_back({"Accept", "application/json"});
    request.follow_redirects = method == http::Method::get;
    return request;
}

// What the server's word for "no such login" may mean.
Failure AtticApi::refused_login(const http::Response& response, const std::string& said) const {
    const auto& cache = uri_.attic.cache;
    auto passed_over = login_.passed_over.empty() ? "" : " (not taken: " + join(login_.passed_over, "; ") + ")";
    auto failure = [&](const std::string& what) {
        return Failure(FailureKind::auth, what + passed_over + ": " + said).with_http_status(response.status);
    };
    auto way = ways_to_log_in(uri_) +
               "; whoever runs the server makes one: atticadm make-token --sub NAME --validity " + "1y --pull " +
               cache + " --push " + cache;
    if (response.status == 403 && login_.token)
        return failure("the token in " + login_.source + " may not push to " + uri_.name).with_hint(way);
    if (response.status == 403) return failure("without a token nobody may push to " + uri_.name).with_hint(way);
    if (login_.token)
        return failure("the server of " + uri_.name + " does not accept the token" +
                       (login_.source.empty() ? std::string() : " in " + login_.source) +
                       ", or it is for other caches than '" + cache + "'")
            .with_hint("it may have run out, or be another server's; " + way);
    return failure("there is no token for " + uri_.name + ", which is private or does not exist").with_hint(way);
}

Failure AtticApi::refusal(const http::Request& request, const http::Response& response, const std::string& what) const {
    auto plain = http::status_failure(request, response);
    auto name = error_name(response);
    if (response.status == 401 || response.status == 403) return refused_login(response, plain.cause());
    if (response.status == 404 && name == "NoSuchCache")
        return Failure(FailureKind::not_found, "there is no cache '" + uri_.attic.cache + "' on the server of " +
                                                   uri_.name + ": " + plain.cause())
            .with_http_status(404)
            .with_hint("'attic cache create " + uri_.attic.cache + "' makes it; caches are told apart by case");
    if (response.status == 404 || response.status == 405)
        return Failure(FailureKind::not_found, "there is no server of attic at " + endpoint_ + ": " + plain.cause())
            .with_http_status(response.status)
            .with_hint("its endpoint is what stands before /_api/v1, and before the cache's name");
    if (response.status == 413)
        return Failure(FailureKind::protocol,
                       "the server of " + uri_.name + ", or a proxy before it, takes no " + what +
                           " in one request (raise that limit, nginx: client_max_body_size 0, or reach the server past "
                           "a proxy that has one: Cloudflare takes 100 MB, Cloud Run 32 MB): " +
                           plain.cause())
            .with_http_status(413);
    return plain;
}

async::Task<Result<http::Response>> AtticApi::send(http::Request request) {
    auto shown = request;
    shown.body.reset();
    auto no_later = [](const http::Response& response) {
        int status = response.status;
        return response.is_success() || status == 401 || status == 403 || status == 404 || status == 405 ||
               status == 413;
    };
    CO_TRY(response, co_await http::send_with_retry(client_, std::move(request), policy_, std::move(no_later)));
    if (!response.is_success()) co_return refusal(shown, response, "question about so many paths");
    co_return response;
}

// A server that is reached by several ways may name one for uploads, past a proxy. Where that is less safe than the way
// we came, it is what it says of itself behind a proxy that does TLS, and does not tell it.
void AtticApi::move_to(const std::string& endpoint) {
    auto ours = http::parse_url(endpoint_), told = http::parse_url(endpoint);
    if (!ours || !told || told->credentials) return;
    if (told->tls || (!ours->tls && http::is_same_host(*ours, *told)))
        endpoint_ = http::without_slash_at_end(told->to_string());
}

async::Task<Result<AtticCacheInfo>> AtticApi::get_info() {
    if (endpoint_.empty())
        co_return Failure(FailureKind::usage, "where " + uri_.name + " is, is not known here")
            .with_hint("name its server by its address: attic://HOST/CACHE");
    auto get = request(http::Method::get, "cache-config/" + percent_encode(uri_.attic.cache));
    CO_TRY(response, co_await send(std::move(get)));
    CO_TRY(json, parse_object(response));
    // Where we were sent on to, as from http to https: uploads are not sent on.
    auto below = "/_api/v1/cache-config/" + percent_encode(uri_.attic.cache);
    if (response.effective_url.ends_with(below))
        move_to(response.effective_url.substr(0, response.effective_url.size() - below.size()));
    AtticCacheInfo info;
    auto key = nix::PublicKey::parse(text_in(json, "public_key"));
    if (!key) co_return nonsense(response, "a configuration without a public key");
    info.public_key = std::move(*key);
    auto substituter = plain_address(text_in(json, "substituter_endpoint"));
    if (!substituter) co_return nonsense(response, "a configuration without the address of the cache");
    info.substituter_url = std::move(*substituter);
    info.store_dir = text_in(json, "store_dir");
    auto is_public = json.find("is_public");
    // Who does not say it may show it to everybody.
    info.is_public = is_public == json.end() || !is_public->is_boolean() || is_public->get<bool>();
    auto priority = json.find("priority");
    if (priority != json.end() && priority->is_number_integer()) info.priority = priority->get<int>();
    info.upstream_key_names = texts_in(json, "upstream_cache_key_names");
    info.retention = retention_in(json);
    move_to(text_in(json, "api_endpoint"));
    co_return info;
}

async::Task<Result<std::vector<std::string>>> AtticApi::query_missing(std::vector<std::string> hashes) {
    std::vector<std::string> missing;
    std::size_t start = 0;
    do {
        auto count = std::min(hashes_per_request, hashes.size() - start);
        auto first = hashes.begin() + static_cast<std::ptrdiff_t>(start);
        Json body;
        body["cache"] = uri_.attic.cache;
        body["store_path_hashes"] = std::vector<std::string>(first, first + static_cast<std::ptrdiff_t>(count));
        auto post = request(http::Method::post, "get-missing-paths");
        post.headers.push_back({"Content-Type", "application/json"});
        post.body = std::make_shared<const std::string>(body.dump());
        CO_TRY(response, co_await send(std::move(post)));
        CO_TRY(json, parse_object(response));
        auto field = json.find("missing_paths");
        auto is_text = [](const Json& entry) { return entry.is_string(); };
        if (field == json.end() || !field->is_array() || !std::all_of(field->begin(), field->end(), is_text))
            co_return nonsense(response, "something else than a list of store hashes");
        for (const auto& entry : *field) missing.push_back(entry.get<std::string>());
        start += count;
    } while (start < hashes.size());
    co_return missing;
}

// The server signs, when it is asked for the narinfo, over the references in the order in which they came.
std::string AtticApi::describe(const nix::NarInfo& info) const {
    auto references = info.references;
    std::sort(references.begin(), references.end());
    Json json;
    json["cache"] = uri_.attic.cache;
    json["store_path_hash"] = info.path.hash_part();
    json["store_path"] = info.path.to_string();
    json["references"] = Json::array();
    for (const auto& reference : references) json["references"].push_back(reference.base_name());
    json["system"] = nullptr;
    json["deriver"] = nullptr; // no client of attic tells it, so nobody has seen what the server makes of one
    json["sigs"] = info.signatures;
    json["ca"] = nullptr;
    if (!info.content_address.empty()) json["ca"] = info.content_address;
    json["nar_hash"] = "sha256:" + info.nar_hash.to_base16();
    json["nar_size"] = info.nar_size;
    return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

http::Request AtticApi::put_path(const nix::NarInfo& info, const std::string& description, bool has_preamble) const {
    auto put = request(http::Method::put, "upload-path");
    if (has_preamble)
        put.headers.push_back({"X-Attic-Nar-Info-Preamble-Size", std::to_string(description.size())});
    else
        put.headers.push_back({"X-Attic-Nar-Info", description});
    std::chrono::seconds work(info.nar_size / worked_in_a_second);
    put.deadlines.first_byte += work;
    put.deadlines.total += work + std::chrono::milliseconds(info.nar_size / 32); // 32 KB/s; `stall` ends dead ones
    return put;
}

Result<AtticKept> AtticApi::read_kept(const http::Response& response, const nix::NarInfo& info) const {
    http::Request shown(http::Method::put, endpoint_ + "/_api/v1/upload-path");
    if (!response.is_success()) return refusal(shown, response, "NAR of " + human_bytes(info.nar_size));
    TRY(json, parse_object(response));
    auto kind = text_in(json, "kind");
    if (kind == "Deduplicated") return AtticKept::deduplicated;
    if (kind == "Uploaded") return AtticKept::uploaded;
    return nonsense(response, "neither that it took the path nor why not");
}

async::Task<Result<AtticKept>> AtticApi::send_path(http::Request request, nix::NarInfo info) {
    auto last_word = [](const http::Response& response) {
        int status = response.status;
        return response.is_success() ||
               (status >= 400 && status < 500 && status != 408 && status != 425 && status != 429);
    };
    CO_TRY(response, co_await http::send_with_retry(client_, std::move(request), policy_, std::move(last_word)));
    co_return read_kept(response, info);
}

} // namespace cachefill::cache
