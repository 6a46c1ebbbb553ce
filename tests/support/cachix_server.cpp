#include "support/cachix_server.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "codec/hash.hpp"

#include <boost/url/pct_string_view.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <mutex>

namespace cachefill::test {

namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

std::map<std::string, std::string> parse_query(std::string_view target) {
    std::map<std::string, std::string> fields;
    auto question = target.find('?');
    if (question == target.npos) return fields;
    for (auto field : split(target.substr(question + 1), '&')) {
        auto equals = field.find('=');
        if (equals == field.npos) continue;
        auto value = boost::urls::make_pct_string_view(field.substr(equals + 1));
        // As S3 does: an unencoded '+' is a blank, so an upload id that was not encoded is unknown.
        boost::urls::encoding_opts options;
        options.space_as_plus = true;
        fields[std::string(field.substr(0, equals))] = value ? value->decode(options) : std::string();
    }
    return fields;
}

HttpReply json_reply(const Json& json) {
    HttpReply reply(200, json.dump());
    reply.headers.emplace_back("Content-Type", "application/json;charset=utf-8");
    return reply;
}

HttpReply text_reply(int status, std::string text) {
    HttpReply reply(status, std::move(text));
    reply.headers.emplace_back("Content-Type", "text/plain;charset=utf-8");
    return reply;
}

HttpReply s3_error(int status, const std::string& code, const std::string& message) {
    HttpReply reply(status, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>" + code + "</Code><Message>" +
                                message + "</Message></Error>");
    reply.headers.emplace_back("Content-Type", "application/xml");
    return reply;
}

bool is_store_hash(const std::string& hash) { return hash.size() == nix::hash_part_length && codec::is_nix32(hash); }

// "HASH.narinfo" → HASH
std::optional<std::string> narinfo_hash(std::string_view file) {
    constexpr std::string_view suffix = ".narinfo";
    if (!file.ends_with(suffix)) return {};
    std::string hash(file.substr(0, file.size() - suffix.size()));
    if (!is_store_hash(hash)) return {};
    return hash;
}

Result<CachixStore::NarInfoCreate> parse_create(const Json& json) {
    CachixStore::NarInfoCreate create;
    auto bad = [](const std::string& why) { return Failure(FailureKind::protocol, why); };
    try {
        create.store_hash = json.at("cStoreHash").get<std::string>();
        create.store_suffix = json.at("cStoreSuffix").get<std::string>();
        create.nar_hash = json.at("cNarHash").get<std::string>();
        create.nar_size = json.at("cNarSize").get<std::uint64_t>();
        create.file_hash = json.at("cFileHash").get<std::string>();
        create.file_size = json.at("cFileSize").get<std::uint64_t>();
        create.references = json.at("cReferences").get<std::vector<std::string>>();
        create.deriver = json.at("cDeriver").get<std::string>();
        if (!json.at("cSig").is_null()) create.signature = json.at("cSig").get<std::string>();
    } catch (const Json::exception& error) { // answered with 400
        return bad(error.what());
    }
    if (!nix::StorePath::parse_base_name(create.store_hash + "-" + create.store_suffix)) return bad("cStoreHash");
    if (!create.nar_hash.starts_with("sha256:") || create.nar_hash.size() != 59) return bad("cNarHash");
    if (create.nar_size == 0) return bad("cNarSize");
    if (create.file_hash.size() != 64 || !codec::from_base16(create.file_hash) ||
        to_lower(create.file_hash) != create.file_hash)
        return bad("cFileHash");
    for (const auto& reference : create.references)
        if (!nix::StorePath::parse_base_name(reference)) return bad("cReferences");
    if (create.deriver != "unknown-deriver" && !nix::StorePath::parse_base_name(create.deriver)) return bad("cDeriver");
    return create;
}

} // namespace

std::string CachixLogEntry::to_json() const {
    Json json;
    json["ms"] = milliseconds;
    json["port"] = port;
    json["method"] = method;
    json["path"] = path;
    if (!query.empty()) json["query"] = query;
    json["status"] = status;
    if (!published.empty()) json["published"] = published;
    return json.dump();
}

class CachixServer::Impl {
  public:
    explicit Impl(CachixServerSettings settings)
        : settings_(std::move(settings)),
          store_(settings_.directory, settings_.cache, settings_.self_signed, settings_.upstreams),
          gate_(settings_.gate),
          url_key_(
              codec::to_base16(codec::hash_bytes(codec::HashAlgorithm::sha256, settings_.directory.string()).digest())),
          api_([this](const HttpRequest& request) { return handle(request, "api"); }),
          uploads_([this](const HttpRequest& request) { return handle(request, "r2"); }) {}

    ~Impl() {
        api_.stop();
        uploads_.stop();
    }

    std::string uri() const { return api_.url() + "/c/" + settings_.cache; }

    mutable std::mutex mutex_; // two servers, two threads
    CachixServerSettings settings_;
    CachixStore store_;
    CachixFaults faults_;
    bool gate_;
    std::vector<CachixLogEntry> log_;
    Clock::time_point start_ = Clock::now();
    std::string url_key_;
    // Last: their threads use all of the above.
    HttpServer api_;
    HttpServer uploads_;

  private:
    enum class Access { none, read, write };

    // The request being handled.
    struct Call {
        const HttpRequest& request;
        std::string path;
        std::map<std::string, std::string> query;
        CachixFault fault;
        CachixLogEntry entry;
    };

    HttpReply handle(const HttpRequest& request, const std::string& port) {
        std::lock_guard lock(mutex_);
        Call call{request, request.path(), parse_query(request.target), {}, {}};
        if (port == "api" && call.path.starts_with("/_")) return administer(call);
        call.fault = faults_.next(request.method, call.path);
        call.entry.milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start_).count();
        call.entry.port = port;
        call.entry.method = request.method;
        call.entry.path = call.path;
        for (const auto& [name, value] : call.query)
            if (!name.starts_with("X-Amz-"))
                call.entry.query += (call.entry.query.empty() ? "" : "&") + name + "=" + value;
        auto reply = answer(call, port);
        bool unanswered = reply.faults.reset || reply.faults.hang_up || reply.faults.never_answer;
        call.entry.status = unanswered ? 0 : reply.status;
        if (!settings_.log_file.empty())
            std::ofstream(settings_.log_file, std::ios::app) << call.entry.to_json() << std::endl;
        log_.push_back(std::move(call.entry));
        return reply;
    }

    HttpReply answer(Call& call, const std::string& port) {
        const auto& fault = call.fault;
        HttpReply reply;
        bool without_effect = fault.status != 0 || fault.http.reset || fault.http.hang_up || fault.http.never_answer;
        if (fault.status != 0)
            reply = text_reply(fault.status, fault.body.empty() ? "Something went wrong" : fault.body);
        if (!without_effect) reply = port == "r2" ? put_part(call) : route(call);
        if (fault.retry_after) reply.headers.emplace_back("Retry-After", std::to_string(*fault.retry_after));
        reply.faults = fault.http;
        if (fault.lose_reply) reply.faults.reset = true;
        return reply;
    }

    // --- who may do what

    // Bearer, or Basic with the token as its password, which is what netrc makes of it (cachix, NetRc.hs).
    std::optional<std::string> token(const HttpRequest& request) const {
        auto value = request.header("Authorization");
        if (value.starts_with("Bearer ")) return value.substr(7);
        if (!value.starts_with("Basic ")) return {};
        auto decoded = codec::from_base64(value.substr(6));
        if (!decoded) return std::string();
        return decoded->substr(decoded->find(':') + 1);
    }

    Access access(const HttpRequest& request) const {
        auto given = token(request);
        auto among = [&](const std::vector<std::string>& tokens) {
            return std::find(tokens.begin(), tokens.end(), *given) != tokens.end();
        };
        if (!given) return settings_.is_private ? Access::none : Access::read;
        if (among(settings_.write_tokens)) return Access::write;
        return among(settings_.read_tokens) ? Access::read : Access::none;
    }

    // One text for "no such cache" and "not for you" (cachix/cachix issue 288).
    HttpReply unauthorized() const {
        return text_reply(401,
                          "Binary cache " + settings_.cache + " doesn't exist or you're not authorized to access it");
    }

    // --- API, cachix-api's API.hs

    HttpReply route(Call& call) {
        const auto& request = call.request;
        std::string api = "/api/v1/cache/" + settings_.cache;
        std::string read_side = "/c/" + settings_.cache + "/";
        if (call.path.starts_with(read_side)) {
            if (access(request) == Access::none) return unauthorized();
            return serve(call, call.path.substr(read_side.size()));
        }
        if (!call.path.starts_with("/api/v1/cache/")) return text_reply(404, "Not found");
        if (call.path != api && !call.path.starts_with(api + "/")) return unauthorized();
        if (access(request) == Access::none) return unauthorized();
        auto below = call.path.substr(api.size());
        if (request.method == "GET" || request.method == "HEAD") {
            if (below.empty()) return cache_info(request);
            if (below == "/pin") return list_pins();
            return serve(call, below.substr(1));
        }
        if (request.method != "POST") return text_reply(405, "Method not allowed");
        if (below == "/narinfo") return query_missing(request);
        if (access(request) != Access::write)
            return token(request) ? text_reply(403, "You don't have write permission") : unauthorized();
        if (below == "/multipart-nar") return create_upload(call);
        if (below == "/pin") return pin(request);
        if (below == "/key") return add_key(request);
        if (below.starts_with("/multipart-nar/")) return upload_call(call, below.substr(15));
        return text_reply(404, "Not found");
    }

    HttpReply cache_info(const HttpRequest& request) const {
        Json json;
        json["name"] = settings_.cache;
        json["uri"] = uri() + "/"; // seen with and without the slash
        json["isPublic"] = !settings_.is_private;
        json["publicSigningKeys"] = Json::array();
        if (store_.public_key()) json["publicSigningKeys"].push_back(store_.public_key()->to_string());
        json["githubUsername"] = "octocat";
        json["permission"] = access(request) == Access::write ? "Write" : "Read";
        json["preferredCompressionMethod"] = settings_.preferred == codec::Compression::xz ? "XZ" : "ZSTD";
        return json_reply(json);
    }

    HttpReply query_missing(const HttpRequest& request) const {
        auto asked = Json::parse(request.body, nullptr, false);
        if (!asked.is_array()) return text_reply(400, "Error in $: expected an array");
        Json missing = Json::array();
        for (const auto& hash : asked) {
            if (!hash.is_string() || !is_store_hash(hash)) return text_reply(400, "Error in $: not a store hash");
            if (!store_.has(hash) && !store_.is_upstream(hash)) missing.push_back(hash);
        }
        return json_reply(missing);
    }

    HttpReply create_upload(Call& call) {
        auto method = call.query["compression"];
        if (method != "xz" && method != "zst") return text_reply(400, "Error parsing query parameter compression");
        auto ids = store_.create_upload(method == "xz" ? codec::Compression::xz : codec::Compression::zstd);
        Json json;
        json["narId"] = ids.nar_id;
        json["uploadId"] = ids.upload_id;
        return json_reply(json);
    }

    HttpReply upload_call(Call& call, const std::string& rest) {
        auto slash = rest.find('/');
        CachixStore::UploadIds ids{rest.substr(0, slash), call.query["uploadId"]};
        auto action = slash == rest.npos ? std::string() : rest.substr(slash + 1);
        if (!store_.has_upload(ids)) return text_reply(404, "NoSuchUpload");
        if (action == "abort") {
            store_.abort_upload(ids.nar_id);
            return json_reply(Json::array());
        }
        if (action == "complete") return complete(call, ids);
        if (action.empty()) return sign_part(call, ids);
        return text_reply(404, "Not found");
    }

    HttpReply sign_part(Call& call, const CachixStore::UploadIds& ids) {
        auto body = Json::parse(call.request.body, nullptr, false);
        auto number = parse_u64(call.query["partNumber"]);
        if (!body.is_object() || !body.contains("contentMD5")) return text_reply(400, "Error in $: contentMD5");
        if (!number || *number < 1 || *number > 10'000) return text_reply(400, "InvalidArgument: partNumber");
        auto now =
            std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
        auto expires = call.fault.expired_url ? now.count() - 60 : (now + settings_.url_lifetime).count();
        auto target = "/r2/" + ids.nar_id + "?partNumber=" + std::to_string(*number) +
                      "&uploadId=" + percent_encode(ids.upload_id) + "&X-Amz-Expires=" + std::to_string(expires) +
                      "&X-Amz-SignedHeaders=content-md5%3Bhost";
        auto host = uploads_.url().substr(std::string_view("http://").size());
        Json json;
        json["uploadUrl"] = uploads_.url() + target +
                            "&X-Amz-Signature=" + signature(target, host, body["contentMD5"].get<std::string>());
        return json_reply(json);
    }

    HttpReply complete(Call& call, const CachixStore::UploadIds& ids) {
        auto body = Json::parse(call.request.body, nullptr, false);
        if (!body.is_object() || !body.contains("narInfoCreate") || !body.contains("parts"))
            return text_reply(400, "Error in $: narInfoCreate and parts");
        auto create = parse_create(body["narInfoCreate"]);
        if (!create) return text_reply(400, "Error in $.narInfoCreate: " + create.error().cause());
        std::vector<std::pair<int, std::string>> parts;
        for (const auto& part : body["parts"]) {
            auto etag = part.value("eTag", "");
            if (etag.size() < 2 || etag.front() != '"' || etag.back() != '"')
                return text_reply(400, "InvalidPart: eTag");
            parts.emplace_back(part.value("partNumber", 0), etag.substr(1, etag.size() - 2));
        }
        bool was_there = store_.has(create->store_hash);
        auto done = store_.complete_upload(ids.nar_id, parts, *create);
        if (!done) return text_reply(400, done.error().cause());
        if (!was_there) call.entry.published = create->store_hash;
        return json_reply(Json::array());
    }

    HttpReply pin(const HttpRequest& request) {
        auto body = Json::parse(request.body, nullptr, false);
        auto has_text = [&](const char* name) { return body.contains(name) && body[name].is_string(); };
        if (!body.is_object() || !has_text("name") || !has_text("storePath") || !body.contains("artifacts") ||
            !body["artifacts"].is_array() || !body.contains("keep"))
            return text_reply(400, "Error in $: name, storePath, artifacts, keep");
        auto path = nix::StorePath::parse(body["storePath"].get<std::string>());
        if (!path || !store_.has(std::string(path->hash_part())))
            return text_reply(400, "the store path is not in the cache");
        store_.pins()[body["name"]] = path->to_string();
        store_.save_pins();
        return json_reply(Json::array());
    }

    HttpReply list_pins() {
        Json list = Json::array();
        for (const auto& [name, path] : store_.pins()) {
            Json entry;
            entry["name"] = name;
            entry["lastRevision"]["storePath"] = path;
            list.push_back(std::move(entry));
        }
        return json_reply(list);
    }

    HttpReply add_key(const HttpRequest& request) {
        auto body = Json::parse(request.body, nullptr, false);
        auto bytes = codec::from_base64(body.is_object() ? body.value("publicKey", "") : "");
        if (!bytes || bytes->size() != 32 || !store_.is_self_signed()) return text_reply(400, "publicKey");
        store_.set_public_key(*bytes);
        return json_reply(Json::array());
    }

    // --- what consumers read

    HttpReply serve(Call& call, const std::string& file) {
        if (call.request.method != "GET" && call.request.method != "HEAD") return text_reply(405, "Method not allowed");
        if (file == "nix-cache-info") return text_reply(200, "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 41\n");
        if (auto hash = narinfo_hash(file)) {
            if (!store_.has(*hash) || (gate_ && !store_.is_complete(*hash))) return text_reply(404, "404");
            HttpReply reply(200, *store_.narinfo(*hash));
            reply.headers.emplace_back("Content-Type", "text/x-nix-narinfo");
            return reply;
        }
        if (!file.starts_with("nar/")) return text_reply(404, "404");
        auto place = store_.find_nar(file.substr(4));
        if (!place) return text_reply(404, "404");
        HttpReply reply;
        reply.headers.emplace_back("Content-Type", "application/x-nix-nar");
        const auto& cuts = call.fault.http;
        if (cuts.stall_after || cuts.reset_after || cuts.truncate_body) {
            reply.body = read_file(*place, 8ULL << 30).value();
        } else {
            reply.body_file = *place;
        }
        return reply;
    }

    // --- the object store

    std::string signature(const std::string& target, const std::string& host, const std::string& md5) const {
        auto text = url_key_ + "\nPUT\n" + target + "\ncontent-md5:" + md5 + "\nhost:" + host;
        return codec::hash_bytes(codec::HashAlgorithm::sha256, text).to_base16();
    }

    HttpReply put_part(Call& call) {
        const auto& request = call.request;
        if (request.method != "PUT" || !call.path.starts_with("/r2/")) return s3_error(405, "MethodNotAllowed", "");
        if (!request.header("Authorization").empty())
            return s3_error(400, "InvalidArgument", "Only one auth mechanism allowed");
        auto md5 = request.header("Content-MD5");
        auto end = request.target.find("&X-Amz-Signature=");
        if (signature(request.target.substr(0, end), request.header("Host"), md5) != call.query["X-Amz-Signature"])
            return s3_error(403, "SignatureDoesNotMatch", "The request signature we calculated does not match");
        auto now =
            std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
        auto expires = parse_u64(call.query["X-Amz-Expires"]);
        if (!expires || *expires < static_cast<std::uint64_t>(now.count()))
            return s3_error(403, "AccessDenied", "Request has expired");
        CachixStore::UploadIds ids{call.path.substr(4), call.query["uploadId"]};
        if (!store_.has_upload(ids)) return s3_error(404, "NoSuchUpload", "The specified upload does not exist");
        auto hash = codec::hash_bytes(codec::HashAlgorithm::md5, request.body);
        if (codec::to_base64(hash.digest()) != md5) return s3_error(400, "BadDigest", "The Content-MD5 did not match");
        auto number = static_cast<int>(*parse_u64(call.query["partNumber"]));
        HttpReply reply;
        reply.headers.emplace_back("ETag", "\"" + store_.put_part(ids.nar_id, number, request.body) + "\"");
        return reply;
    }

    // --- for tests

    HttpReply administer(Call& call) {
        const auto& path = call.path;
        if (path == "/_log") {
            std::string text;
            for (const auto& entry : log_) text += entry.to_json() + "\n";
            return text_reply(200, text);
        }
        if (path == "/_state") {
            Json json;
            json["uri"] = uri();
            json["narinfos"] = store_.hashes();
            json["open_uploads"] = store_.open_uploads();
            json["pins"] = store_.pins();
            return json_reply(json);
        }
        if (call.request.method != "POST") return text_reply(405, "POST");
        if (path == "/_faults") {
            auto parsed = faults_.parse(call.request.body);
            return parsed ? text_reply(200, "") : text_reply(400, parsed.error().cause());
        }
        if (path == "/_gate/on" || path == "/_gate/off") {
            gate_ = path == "/_gate/on";
            return text_reply(200, "");
        }
        if (path.starts_with("/_delete/"))
            return store_.remove(path.substr(9)) ? text_reply(200, "") : text_reply(404, "no such path");
        return text_reply(404, "Not found");
    }
};

CachixServer::CachixServer(CachixServerSettings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
CachixServer::~CachixServer() = default;

std::string CachixServer::api_url() const { return impl_->api_.url(); }
std::string CachixServer::uri() const { return impl_->uri(); }
std::string CachixServer::upload_url() const { return impl_->uploads_.url(); }

std::optional<std::string> CachixServer::public_key() const {
    std::lock_guard lock(impl_->mutex_);
    auto key = impl_->store_.public_key();
    if (!key) return {};
    return key->to_string();
}

void CachixServer::set_faults(std::vector<CachixFault> rules) {
    std::lock_guard lock(impl_->mutex_);
    impl_->faults_.set(std::move(rules));
}

Result<void> CachixServer::set_faults_json(std::string_view json) {
    std::lock_guard lock(impl_->mutex_);
    return impl_->faults_.parse(json);
}

void CachixServer::set_delay(std::chrono::milliseconds delay) {
    std::lock_guard lock(impl_->mutex_);
    impl_->faults_.set_delay(delay);
}

void CachixServer::set_gate(bool on) {
    std::lock_guard lock(impl_->mutex_);
    impl_->gate_ = on;
}

std::vector<CachixLogEntry> CachixServer::log() const {
    std::lock_guard lock(impl_->mutex_);
    return impl_->log_;
}

std::size_t CachixServer::count(std::string_view glob) const {
    auto entries = log();
    auto matches = [&](const CachixLogEntry& entry) { return glob_match(glob, entry.method + " " + entry.path); };
    return static_cast<std::size_t>(std::count_if(entries.begin(), entries.end(), matches));
}

std::size_t CachixServer::open_uploads() const {
    std::lock_guard lock(impl_->mutex_);
    return impl_->store_.open_uploads();
}

std::vector<std::string> CachixServer::published() const {
    std::lock_guard lock(impl_->mutex_);
    return impl_->store_.hashes();
}

std::map<std::string, std::string> CachixServer::pins() const {
    std::lock_guard lock(impl_->mutex_);
    return impl_->store_.pins();
}

bool CachixServer::remove(const std::string& hash) {
    std::lock_guard lock(impl_->mutex_);
    return impl_->store_.remove(hash);
}

void CachixServer::set_public_key(std::string bytes) {
    std::lock_guard lock(impl_->mutex_);
    impl_->store_.set_public_key(std::move(bytes));
}

} // namespace cachefill::test
