#include "cache/niks3_api.hpp"

#include "base/text.hpp"
#include "cache/credentials.hpp"
#include "cache/github_identity.hpp"
#include "cache/niks3_reply.hpp"
#include "cache/s3_reply.hpp"
#include "codec/encoding.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::cache {

using async::Task;

namespace {

using Json = nlohmann::json;

// Any path of no store: the question whether we may ask.
constexpr const char* closure_of_nothing = "closures/00000000000000000000000000000000.narinfo";

std::string dump(const Json& json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace); }

std::string in_closure(const std::string& id, const std::string& what) {
    return "pending_closures/" + percent_encode(id) + "/" + what;
}

Json to_json(const Niks3Object& object) {
    Json json{{"key", object.key}, {"type", object.type}, {"refs", object.refs}};
    if (object.nar_size) json["nar_size"] = *object.nar_size;
    return json;
}

// What is signed, in the server's words.
Json to_json(const nix::NarInfo& info) {
    std::vector<std::string> references;
    for (const auto& reference : info.references) references.push_back(reference.to_string());
    std::sort(references.begin(), references.end());
    references.erase(std::unique(references.begin(), references.end()), references.end());
    Json json;
    json["store_path"] = info.path.to_string();
    json["url"] = info.url;
    json["compression"] = codec::to_string(info.compression);
    json["nar_hash"] = info.nar_hash.to_string();
    json["nar_size"] = info.nar_size;
    json["references"] = std::move(references);
    if (info.deriver) json["deriver"] = info.deriver->to_string();
    if (!info.signatures.empty()) json["signatures"] = info.signatures;
    if (!info.content_address.empty()) json["ca"] = info.content_address;
    return json;
}

} // namespace

Niks3Api::Niks3Api(async::Executor executor, http::Client& client, async::RetryPolicy policy, const async::Clock& clock,
                   const CacheUri& uri, Niks3Login login)
    : client_(client), policy_(policy), uri_(uri), token_(executor, client, clock, std::move(login)) {}

http::Request Niks3Api::request(http::Method method, const std::string& below) const {
    http::Request request(method, uri_.niks3.endpoint() + "/api/" + below);
    request.headers.push_back({"Accept", "application/json"});
    request.follow_redirects = false; // a token is not sent on
    return request;
}

http::Request Niks3Api::post_json(const std::string& below, std::string body) const {
    auto post = request(http::Method::post, below);
    post.headers.push_back({"Content-Type", "application/json"});
    // It asks its bucket about each file, or waits half a minute for what is just being deleted.
    post.deadlines.first_byte = std::chrono::minutes(3);
    post.body = std::make_shared<const std::string>(std::move(body));
    return post;
}

Failure Niks3Api::refused_token(const http::Response& response, const std::string& said) const {
    const auto& login = token_.login();
    auto passed_over = login.passed_over.empty() ? "" : " (not taken: " + join(login.passed_over, "; ") + ")";
    auto failure = [&](const std::string& what) {
        return Failure(FailureKind::auth, what + passed_over + ": " + said).with_http_status(response.status);
    };
    if (login.is_empty()) return failure("there is no token for " + uri_.name).with_hint(ways_to_log_in(uri_));
    if (login.token)
        return failure("the server of " + uri_.name + " does not accept the token" +
                       (login.source.empty() ? std::string() : " in " + login.source))
            .with_hint("it is what the server's --api-token-path holds; " + ways_to_log_in(uri_));
    return failure("the server of " + uri_.name + " does not accept GitHub's word for who this is")
        .with_hint("its OIDC configuration names the repositories, branches and events that may push (bound_claims, "
                   "bound_subject), and this run is none of them");
}

Failure Niks3Api::refusal(const http::Request& request, const http::Response& response) const {
    auto plain = http::status_failure(request, response);
    if (response.status == 401) return refused_token(response, plain.cause());
    if (response.status == 403)
        return Failure(FailureKind::auth, "the server of " + uri_.name + " does not allow it: " + plain.cause())
            .with_http_status(403);
    if (response.status == 400)
        return Failure(FailureKind::protocol, "the server of " + uri_.name + " refuses it: " + plain.cause())
            .with_http_status(400);
    if (response.status == 413)
        return Failure(FailureKind::protocol, "the server of " + uri_.name +
                                                  ", or a proxy before it, takes no request so large: " + plain.cause())
            .with_http_status(413);
    return plain;
}

Task<Result<http::Response>> Niks3Api::send(http::Request request) {
    auto shown = request;
    shown.body.reset();
    auto last_word = [](const http::Response& response) {
        int status = response.status;
        return response.is_success() ||
               (status >= 300 && status < 500 && status != 408 && status != 425 && status != 429);
    };
    CO_TRY(response, co_await http::send_with_retry(client_, std::move(request), policy_, std::move(last_word)));
    if (!response.is_success()) co_return refusal(shown, response);
    co_return response;
}

Task<Result<http::Response>> Niks3Api::send_with_token(http::Request request) {
    auto token = co_await token_.get();
    if (!token) co_return std::move(token).error().with_context("asking the server of " + uri_.name);
    auto sent = request;
    sent.bearer = *token;
    auto response = co_await send(std::move(sent));
    bool is_refused = !response && response.error().http_status() == 401;
    if (!is_refused || !token_.forget()) co_return response;
    // GitHub's last a few minutes, and clocks differ.
    auto another = co_await token_.get();
    if (!another) co_return response;
    request.bearer = *another;
    co_return co_await send(std::move(request));
}

Task<Result<Niks3Config>> Niks3Api::get_config() {
    auto get = request(http::Method::get, "cache-config?issuer=" + percent_encode(github_issuer));
    get.logins = http::Logins::none; // it is for everybody
    auto response = co_await send(std::move(get));
    if (!response && response.error().kind() == FailureKind::not_found)
        co_return Failure(FailureKind::not_found,
                          "there is no server of niks3 at " + uri_.niks3.endpoint() + ": " + response.error().cause())
            .with_http_status(404)
            .with_hint("its address is what niks3's own client has as --server-url");
    if (!response) co_return std::move(response).error();
    CO_TRY(config, read_niks3_config(*response));
    token_.set_audience(uri_.niks3.audience_for(config.oidc_audience), config.oidc_audience);
    co_return config;
}

Task<Result<void>> Niks3Api::check_token() {
    auto get = request(http::Method::get, closure_of_nothing);
    auto answer = co_await send_with_token(std::move(get));
    if (answer || answer.error().kind() == FailureKind::not_found) co_return Result<void>();
    co_return std::move(answer).error();
}

Task<Result<Niks3Pending>> Niks3Api::create(std::string closure_key, std::vector<Niks3Object> objects) {
    Json body{{"closure", closure_key}, {"objects", Json::array()}, {"verify_s3", true}};
    for (const auto& object : objects) body["objects"].push_back(to_json(object));
    auto post = post_json("pending_closures", dump(body));
    CO_TRY(response, co_await send_with_token(std::move(post)));
    co_return read_niks3_pending(response);
}

Task<Result<std::vector<std::string>>> Niks3Api::sign(std::string id, std::string key, nix::NarInfo info) {
    Json body;
    body["narinfos"][key] = to_json(info);
    auto post = post_json(in_closure(id, "sign"), dump(body));
    CO_TRY(response, co_await send_with_token(std::move(post)));
    co_return read_niks3_signatures(response, key);
}

Task<Result<void>> Niks3Api::complete(std::string id) {
    auto post = post_json(in_closure(id, "complete"), {});
    CO_TRY_VOID(co_await send_with_token(std::move(post)));
    co_return Result<void>();
}

Task<Result<std::vector<std::string>>> Niks3Api::get_part_urls(std::string key, std::string upload_id, int first,
                                                               int count) {
    Json body{{"object_key", key}, {"upload_id", upload_id}, {"start_part_number", first}, {"num_parts", count}};
    auto post = post_json("multipart/request-parts", dump(body));
    CO_TRY(response, co_await send_with_token(std::move(post)));
    co_return read_niks3_part_urls(response, static_cast<std::size_t>(count));
}

Task<Result<void>> Niks3Api::complete_parts(std::string key, std::string upload_id, std::vector<std::string> etags) {
    Json body{{"object_key", key}, {"upload_id", upload_id}, {"parts", Json::array()}};
    for (std::size_t i = 0; i < etags.size(); ++i)
        body["parts"].push_back(Json{{"part_number", i + 1}, {"etag", etags[i]}});
    auto post = post_json("multipart/complete", dump(body));
    CO_TRY_VOID(co_await send_with_token(std::move(post)));
    co_return Result<void>();
}

Task<Result<bool>> Niks3Api::has_object(std::string key) {
    auto head = request(http::Method::head, "objects/" + key);
    auto answer = co_await send_with_token(std::move(head));
    if (answer) co_return true;
    if (answer.error().http_status() == 404) co_return false;
    co_return std::move(answer).error();
}

http::Request Niks3Api::put(std::string url, std::string_view content_type, std::uint64_t size) const {
    http::Request put(http::Method::put, std::move(url));
    put.headers.push_back({"Content-Type", std::string(content_type)});
    put.follow_redirects = false;
    put.logins = http::Logins::none; // the address is its own login
    put.is_address_secret = true;
    put.deadlines.total += std::chrono::milliseconds(size / 32); // 32 KB/s; `stall` ends dead ones
    return put;
}

Task<Result<std::string>> Niks3Api::try_put(http::Request request) {
    auto shown = request;
    shown.body.reset();
    shown.body_file.clear();
    CO_TRY(response, co_await client_.send(std::move(request)));
    if (response.is_success()) {
        std::string etag(response.find_header("ETag").value_or(""));
        std::erase(etag, '"');
        co_return etag;
    }
    auto plain = http::status_failure(shown, response);
    if (response.status != 403) co_return plain;
    auto error = parse_s3_error(response);
    co_return Failure(FailureKind::auth, "the object storage behind " + uri_.name + " refuses what its server allows" +
                                             (error.code.empty() ? std::string() : ", by " + error.code) + ": " +
                                             plain.cause())
        .with_http_status(403)
        .with_hint("the server's own key for its bucket may have no right to write, or its clock be off");
}

std::string Niks3Api::pin_name(const std::string& name) {
    std::string pin;
    for (char c : name) {
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (is_word || c == '.' || c == '-' || c == '_')
            pin += c;
        else
            pin += "_x" + codec::to_base16(std::string_view(&c, 1)) + "_";
    }
    return pin;
}

Task<Result<void>> Niks3Api::pin(std::string name, nix::StorePath path) {
    auto post = post_json("pins/" + percent_encode(pin_name(name)), dump(Json{{"store_path", path.to_string()}}));
    auto sent = co_await send_with_token(std::move(post));
    if (!sent) co_return std::move(sent).error().with_context("pinning " + path.to_string() + " as " + name);
    co_return Result<void>();
}

Task<Result<std::optional<nix::StorePath>>> Niks3Api::find_pin(std::string name) {
    auto get = request(http::Method::get, "pins");
    CO_TRY(response, co_await send_with_token(std::move(get)));
    co_return read_niks3_pin(response, pin_name(name));
}

} // namespace cachefill::cache
