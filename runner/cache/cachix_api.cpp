#include "cache/cachix_api.hpp"

#include "base/text.hpp"
#include "cache/narinfo_record.hpp"
#include "cache/told_reply.hpp"
#include "codec/encoding.hpp"
#include "http/url.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::cache {

namespace {

using Json = nlohmann::json;

constexpr auto abort_deadline = std::chrono::seconds(5);

constexpr const char* address_hint = "is CACHEFILL_CACHIX_API, if set, the address of a Cachix server?";

Failure nonsense(const http::Response& response, std::string_view what) {
    return nonsense_answer(response, what, address_hint);
}

Result<Json> parse_object(const http::Response& response) { return read_object(response, address_hint); }

Result<std::string> text_field(const http::Response& response, const Json& json, const char* name) {
    auto field = json.find(name);
    if (field == json.end() || !field->is_string() || field->get_ref<const std::string&>().empty())
        return nonsense(response, "JSON without the text '" + std::string(name) + "'");
    return field->get<std::string>();
}

Result<std::string> parse_uri(const http::Response& response, const Json& json) {
    TRY(uri, text_field(response, json, "uri"));
    auto plain = plain_address(std::move(uri));
    if (!plain) return nonsense(response, "an address of the cache that is none");
    return *std::move(plain);
}

Permission parse_permission(const Json& json) {
    auto field = json.find("permission");
    if (field == json.end() || !field->is_string()) return Permission::none;
    const auto& text = field->get_ref<const std::string&>();
    if (text == "Write" || text == "Admin") return Permission::write;
    return text == "Read" ? Permission::read : Permission::none;
}

Result<std::vector<nix::PublicKey>> parse_keys(const http::Response& response, const Json& json) {
    std::vector<nix::PublicKey> keys;
    auto field = json.find("publicSigningKeys");
    if (field == json.end() || !field->is_array()) return keys;
    for (const auto& entry : *field) {
        if (!entry.is_string()) return nonsense(response, "a public signing key that is no text");
        auto key = nix::PublicKey::parse(entry.get_ref<const std::string&>());
        if (!key) return Failure(FailureKind::protocol, key.error().cause());
        keys.push_back(*std::move(key));
    }
    return keys;
}

Json to_json(const CachixNarInfo& narinfo) {
    const auto& info = narinfo.info;
    std::vector<std::string> references;
    for (const auto& reference : info.references) references.emplace_back(reference.base_name());
    std::sort(references.begin(), references.end());
    Json json;
    json["cStoreHash"] = info.path.hash_part();
    json["cStoreSuffix"] = info.path.name();
    json["cNarHash"] = info.nar_hash.to_string();
    json["cNarSize"] = info.nar_size;
    json["cFileHash"] = narinfo.file_hash.to_base16();
    json["cFileSize"] = narinfo.file_size;
    json["cReferences"] = std::move(references);
    json["cDeriver"] = info.deriver ? info.deriver->base_name() : "unknown-deriver";
    json["cSig"] = nullptr;
    if (narinfo.signature) json["cSig"] = codec::to_base64(*narinfo.signature);
    return json;
}

std::string upload_path(const CachixMultipart& upload, std::string_view action, std::string_view more = {}) {
    return "/multipart-nar/" + percent_encode(upload.nar_id) + std::string(action) +
           "?uploadId=" + percent_encode(upload.upload_id) + std::string(more);
}

} // namespace

CachixApi::CachixApi(http::Client& client, async::RetryPolicy policy, std::string_view api, const CacheUri& uri,
                     const Credentials& credentials)
    : client_(client), policy_(policy), name_(uri.name), token_(credentials.token), source_(credentials.token_source),
      variable_(credential_name("CACHIX_AUTH_TOKEN", uri)), passed_over_(credentials.passed_over) {
    while (api.ends_with('/')) api.remove_suffix(1);
    base_ = std::string(api) + "/api/v1/cache/" + percent_encode(name_);
}

http::Request CachixApi::request(http::Method method, std::string_view below) const {
    http::Request request(method, base_ + std::string(below));
    request.bearer = token_;
    request.headers.push_back({"Accept", "application/json"});
    return request;
}

http::Request CachixApi::post_json(std::string_view below, std::string body) const {
    auto post = request(http::Method::post, below);
    post.headers.push_back({"Content-Type", "application/json;charset=utf-8"});
    post.body = std::make_shared<const std::string>(std::move(body));
    return post;
}

std::string CachixApi::the_token() const { return source_.empty() ? "this token" : "the token in " + source_; }

Failure CachixApi::no_token() const {
    Failure failure(FailureKind::auth,
                    "there is no token for the Cachix cache '" + name_ + "'" +
                        (passed_over_.empty() ? "" : " that could be used: " + join(passed_over_, "; ")));
    return std::move(failure).with_hint("make one at https://app.cachix.org and store it with 'cachefill login " +
                                        name_ + "', or set CACHIX_AUTH_TOKEN (for this cache alone: " + variable_ +
                                        "); --read-only needs none");
}

Failure CachixApi::only_reads() const {
    Failure failure(FailureKind::auth, the_token() + " may only read the Cachix cache '" + name_ + "'");
    return std::move(failure).with_hint(
        "pushing needs a token with write permission: make one at https://app.cachix.org "
        "and put it there (for this cache alone: " +
        variable_ + ", or 'cachefill login " + name_ + "'), or use --read-only");
}

Failure CachixApi::explain(Failure failure) const {
    if (failure.http_status() == 401 && token_)
        return Failure(FailureKind::auth, the_token() + " is none that the Cachix cache '" + name_ +
                                              "' accepts, or there is no such cache: " + failure.cause())
            .with_http_status(401)
            .with_hint(
                "check the cache's name; a token that was revoked, or is another account's, is replaced by a new "
                "one from https://app.cachix.org");
    if (failure.http_status() == 401)
        return Failure(FailureKind::auth, "the Cachix cache '" + name_ + "' does not exist, or it is private: " +
                                              no_token().cause() + " (" + failure.cause() + ")")
            .with_http_status(401)
            .with_hint("check the cache's name; " + no_token().hint());
    if (failure.http_status() == 403)
        return Failure(FailureKind::auth, (token_ ? only_reads().cause() : no_token().cause()) + ": " + failure.cause())
            .with_http_status(403)
            .with_hint((token_ ? only_reads() : no_token()).hint());
    if (failure.http_status() == 404)
        return std::move(failure).with_hint("check the cache's name '" + name_ + "' at https://app.cachix.org");
    return failure;
}

async::Task<Result<http::Response>> CachixApi::send(http::Request request) {
    auto is_success = [](const http::Response& response) { return response.is_success(); };
    auto response = co_await http::send_with_retry(client_, std::move(request), policy_, std::move(is_success));
    if (!response) co_return explain(std::move(response).error());
    co_return response;
}

async::Task<Result<http::Response>> CachixApi::try_send(http::Request request) {
    auto shown = request;
    shown.body.reset();
    CO_TRY(response, co_await client_.send(std::move(request)));
    if (!response.is_success()) co_return explain(http::status_failure(shown, response));
    co_return response;
}

async::Task<Result<CachixCacheInfo>> CachixApi::get_info() {
    auto get = request(http::Method::get, "");
    CO_TRY(response, co_await send(std::move(get)));
    CO_TRY(json, parse_object(response));
    CachixCacheInfo info;
    CO_TRY(uri, parse_uri(response, json));
    info.uri = std::move(uri);
    CO_TRY(keys, parse_keys(response, json));
    info.public_keys = std::move(keys);
    info.permission = parse_permission(json);
    auto is_public = json.find("isPublic");
    info.is_public = is_public == json.end() || !is_public->is_boolean() || is_public->get<bool>();
    auto compression = json.find("preferredCompressionMethod");
    if (compression != json.end() && *compression == "XZ") info.preferred_compression = codec::Compression::xz;
    co_return info;
}

async::Task<Result<std::vector<std::string>>> CachixApi::query_missing(std::vector<std::string> hashes) {
    std::vector<std::string> missing;
    for (std::size_t start = 0; start < hashes.size(); start += hashes_per_request) {
        auto count = std::min(hashes_per_request, hashes.size() - start);
        auto first = hashes.begin() + static_cast<std::ptrdiff_t>(start);
        Json batch(std::vector<std::string>(first, first + static_cast<std::ptrdiff_t>(count)));
        auto post = post_json("/narinfo", batch.dump());
        CO_TRY(response, co_await send(std::move(post)));
        auto json = Json::parse(response.body, nullptr, false);
        auto is_text = [](const Json& entry) { return entry.is_string(); };
        if (!json.is_array() || !std::all_of(json.begin(), json.end(), is_text))
            co_return nonsense(response, "something else than a JSON array of store hashes");
        for (const auto& entry : json) missing.push_back(entry.get<std::string>());
    }
    co_return missing;
}

async::Task<Result<bool>> CachixApi::has_narinfo(std::string hash) {
    auto head = request(http::Method::head, "/" + hash + ".narinfo");
    auto response = co_await http::send_with_retry(client_, std::move(head), policy_);
    if (!response) co_return explain(std::move(response).error());
    co_return response->status == 200; // not another success: one without a word of it would leave the path out
}

async::Task<Result<CachixMultipart>> CachixApi::create_multipart(codec::Compression compression) {
    std::string method = compression == codec::Compression::xz ? "xz" : "zst";
    auto post = request(http::Method::post, "/multipart-nar?compression=" + method);
    CO_TRY(response, co_await send(std::move(post)));
    CO_TRY(json, parse_object(response));
    CO_TRY(nar_id, text_field(response, json, "narId"));
    CO_TRY(upload_id, text_field(response, json, "uploadId"));
    CachixMultipart upload;
    upload.nar_id = std::move(nar_id);
    upload.upload_id = std::move(upload_id);
    co_return upload;
}

async::Task<Result<std::string>> CachixApi::try_get_part_url(CachixMultipart upload, int number, std::string md5) {
    Json body;
    body["contentMD5"] = md5;
    auto post = post_json(upload_path(upload, "", "&partNumber=" + std::to_string(number)), body.dump());
    CO_TRY(response, co_await try_send(std::move(post)));
    CO_TRY(json, parse_object(response));
    co_return text_field(response, json, "uploadUrl");
}

async::Task<Result<std::string>> CachixApi::try_put_part(std::string url, std::string md5,
                                                         std::shared_ptr<const std::string> bytes) {
    http::Request put(http::Method::put, std::move(url));
    put.headers.push_back({"Content-Type", "application/octet-stream"});
    put.headers.push_back({"Content-MD5", std::move(md5)}); // part of what the URL's signature covers
    put.follow_redirects = false;
    put.logins = http::Logins::none; // of ours, where Cachix sends us
    put.is_address_secret = true;
    put.deadlines.total += std::chrono::milliseconds(bytes->size() / 32); // 32 KB/s; `stall` ends dead ones
    auto shown = put;
    put.body = std::move(bytes);
    CO_TRY(response, co_await client_.send(std::move(put)));
    if (!response.is_success()) co_return http::status_failure(shown, response);
    auto etag = response.find_header("ETag");
    if (!etag || etag->empty())
        co_return Failure(FailureKind::protocol,
                          http::shown_address(shown, shown.url) + " took a part but gave it no ETag");
    co_return std::string(*etag);
}

async::Task<Result<void>> CachixApi::try_complete(CachixMultipart upload, std::vector<CachixPart> parts,
                                                  CachixNarInfo narinfo) {
    Json body;
    body["parts"] = Json::array();
    for (const auto& part : parts) {
        Json entry;
        entry["partNumber"] = part.number;
        entry["eTag"] = part.etag;
        body["parts"].push_back(std::move(entry));
    }
    body["narInfoCreate"] = to_json(narinfo);
    auto post = post_json(upload_path(upload, "/complete"), body.dump());
    CO_TRY_VOID(co_await try_send(std::move(post)));
    co_return Result<void>();
}

async::Task<Result<void>> CachixApi::try_abort(CachixMultipart upload) {
    auto post = request(http::Method::post, upload_path(upload, "/abort"));
    post.deadlines.total = abort_deadline;
    CO_TRY_VOID(co_await try_send(std::move(post)));
    co_return Result<void>();
}

async::Task<Result<void>> CachixApi::pin(std::string name, nix::StorePath path, int keep) {
    Json body;
    body["name"] = name;
    body["storePath"] = path.to_string();
    body["artifacts"] = Json::array();
    body["keep"]["tag"] = "Revisions";
    body["keep"]["contents"] = keep;
    auto post = post_json("/pin", body.dump(-1, ' ', false, Json::error_handler_t::replace));
    auto sent = co_await send(std::move(post));
    if (!sent) co_return std::move(sent).error().with_context("pinning " + path.to_string() + " as " + name);
    co_return Result<void>();
}

async::Task<Result<std::optional<nix::StorePath>>> CachixApi::find_pin(std::string name) {
    auto get = request(http::Method::get, "/pin");
    CO_TRY(response, co_await send(std::move(get)));
    auto json = Json::parse(response.body, nullptr, false);
    if (!json.is_array()) co_return nonsense(response, "something else than a JSON array of pins");
    for (const auto& entry : json) {
        if (!entry.is_object() || !entry.contains("name") || entry["name"] != name) continue;
        auto revision = entry.find("lastRevision");
        bool has_path = revision != entry.end() && revision->is_object() && revision->contains("storePath") &&
                        (*revision)["storePath"].is_string();
        if (!has_path) co_return nonsense(response, "a pin without a store path");
        CO_TRY(path, nix::StorePath::parse((*revision)["storePath"].get_ref<const std::string&>()));
        co_return std::optional<nix::StorePath>(std::move(path));
    }
    co_return std::optional<nix::StorePath>();
}

} // namespace cachefill::cache
