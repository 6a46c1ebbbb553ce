#include "support/niks3_server.hpp"

#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "codec/hash.hpp"
#include "support/niks3_wire.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <mutex>
#include <regex>

namespace cachefill::test {

namespace {

using Json = nlohmann::json;
using namespace niks3_wire;

} // namespace

class Niks3Server::Impl {
  public:
    explicit Impl(Niks3ServerSettings settings)
        : settings_(std::move(settings)), store_(settings_.directory),
          server_([this](const HttpRequest& request) { return handle(request); }) {}

    ~Impl() { server_.stop(); }

    mutable std::mutex mutex_; // the handler runs on the server's thread
    Niks3ServerSettings settings_;
    Niks3Store store_;
    CachixFaults faults_;
    std::vector<std::string> asked_; // "METHOD /path"
    std::size_t logins_at_bucket_ = 0;
    int epoch_ = 1; // of the addresses that still hold
    std::string log_;
    HttpServer server_;

  private:
    struct Asked {
        const HttpRequest& request;
        Json body;
        std::string published = {};
    };

    HttpReply handle(const HttpRequest& request) {
        std::lock_guard lock(mutex_);
        if (request.path().starts_with("/_")) return administer(request);
        auto fault = faults_.next(request.method, request.path());
        Asked asked{request, Json()};
        bool without_effect = fault.status != 0 || fault.http.reset || fault.http.hang_up || fault.http.never_answer;
        auto reply = fault.status != 0 ? text_reply(fault.status, fault.body) : HttpReply(200);
        if (!without_effect) reply = answer(asked);
        if (fault.retry_after) reply.headers.emplace_back("Retry-After", std::to_string(*fault.retry_after));
        reply.faults = fault.http;
        if (fault.lose_reply) reply.faults.reset_after = 10;
        note(asked, reply);
        return reply;
    }

    void note(const Asked& asked, const HttpReply& reply) {
        const auto& request = asked.request;
        asked_.push_back(request.method + " " + request.path());
        Json entry{{"method", request.method},
                   {"path", request.path()},
                   {"status", reply.status},
                   {"bytes", request.body.size()}};
        if (!asked.published.empty()) entry["published"] = asked.published;
        log_ += entry.dump() + "\n";
        if (!settings_.log_file.empty()) std::ofstream(settings_.log_file, std::ios::app) << entry.dump() << std::endl;
    }

    HttpReply administer(const HttpRequest& request) {
        auto path = request.path();
        if (path == "/_log") return HttpReply(200, log_);
        if (path == "/_state")
            return HttpReply(200, Json{{"uri", server_.url() + "/bucket"},
                                       {"narinfos", store_.narinfos()},
                                       {"pending", store_.pending_count()},
                                       {"uploads", store_.upload_count()},
                                       {"pins", store_.pins}}
                                      .dump());
        if (path == "/_faults") {
            auto set = faults_.parse(request.body);
            return set ? HttpReply(200) : HttpReply(400, set.error().cause());
        }
        if (path.starts_with("/_delete/")) return HttpReply(store_.remove_file(path.substr(9)) ? 200 : 404);
        if (path == "/_gc" || path == "/_gc/all") store_.collect_garbage(path == "/_gc/all");
        if (path == "/_expire") ++epoch_;
        if (path == "/_github") {
            if (request.header("Authorization") != "Bearer step-secret") return HttpReply(401, "bad credentials");
            return json_reply({{"value", "github-says-so-to-" + parameter(request.target, "audience")}});
        }
        return HttpReply(200);
    }

    bool is_let_in(const HttpRequest& request) const {
        auto value = request.header("Authorization");
        if (!value.starts_with("Bearer ")) return false;
        auto token = value.substr(7);
        if (!settings_.oidc_audience.empty() && token == "github-says-so-to-" + settings_.oidc_audience) return true;
        return std::count(settings_.tokens.begin(), settings_.tokens.end(), token) > 0;
    }

    HttpReply answer(Asked& asked) {
        const auto& request = asked.request;
        auto path = request.path();
        bool reads = request.method == "GET" || request.method == "HEAD";
        if (path.starts_with("/bucket/")) return reads ? serve(path.substr(8)) : put(asked, path.substr(8));
        if (path == "/api/cache-config" && request.method == "GET") return config(request);
        if (path == "/health") return text_reply(200, "OK");
        if (!path.starts_with("/api/")) {
            if (reads && settings_.is_read_proxy) return serve(path.substr(1));
            return text_reply(reads ? 404 : 405, reads ? "404 page not found" : "Method Not Allowed");
        }
        if (!is_let_in(request)) return text_reply(401, "Unauthorized");
        auto below = path.substr(5);
        if (reads) return ask(request, below);
        if (request.method != "POST") return text_reply(405, "Method Not Allowed");
        asked.body = Json::parse(request.body.empty() ? "{}" : request.body, nullptr, false);
        if (!asked.body.is_object()) return text_reply(400, "failed to decode request: invalid character");
        return act(asked, below);
    }

    HttpReply ask(const HttpRequest& request, const std::string& below) {
        if (below.starts_with("objects/") && request.method == "HEAD")
            return HttpReply(store_.has_file(below.substr(8)) ? 204 : 404);
        if (below.starts_with("closures/")) {
            if (!store_.is_closure(below.substr(9))) return text_reply(404, "closure not found");
            return json_reply({{"objects", Json::array()}});
        }
        if (below != "pins") return text_reply(404, "404 page not found");
        Json list = Json::array();
        for (const auto& [name, path] : store_.pins) list.push_back({{"name", name}, {"store_path", path}});
        return json_reply(list);
    }

    HttpReply act(Asked& asked, const std::string& below) {
        if (below == "pending_closures") return begin(asked.body);
        if (below == "multipart/complete") return complete_upload(asked.body);
        if (below == "multipart/request-parts") return more_parts(asked.body);
        if (below.starts_with("pins/")) return pin(asked.body, below.substr(5));
        auto slash = below.rfind('/');
        constexpr std::string_view closures = "pending_closures/";
        if (!below.starts_with(closures) || slash < closures.size()) return text_reply(404, "404 page not found");
        auto id = below.substr(closures.size(), slash - closures.size());
        if (id.find_first_not_of("0123456789") != id.npos) return text_reply(400, "invalid id");
        if (below.ends_with("/sign")) return sign(asked.body, id);
        if (!below.ends_with("/complete")) return text_reply(404, "404 page not found");
        return store_.commit(id) ? HttpReply(204) : text_reply(404, "pending closure not found");
    }

    HttpReply config(const HttpRequest& request) const {
        Json json{{"substituter_url", settings_.tells_read_url ? server_.url() + "/bucket" : ""},
                  {"public_keys", Json::array()}};
        if (settings_.signs) json["public_keys"].push_back(store_.key().public_key().to_string());
        bool is_github =
            parameter(request.target, "issuer").find("token.actions.githubusercontent.com") != std::string::npos;
        if (is_github && !settings_.oidc_audience.empty()) json["oidc_audience"] = settings_.oidc_audience;
        return json_reply(json);
    }

    std::string address(const std::string& key, const std::string& more = {}) const {
        return server_.url() + "/bucket/" + key +
               "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKTEST%2F20261129" +
               "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Expires=18000&X-Amz-SignedHeaders=host" + more +
               "&X-Amz-Signature=" + signature(key + more, epoch_);
    }

    static std::string signature(const std::string& what, int epoch) {
        return codec::hash_bytes(codec::HashAlgorithm::sha256, "key of the bucket " + std::to_string(epoch) + what)
            .to_base16();
    }

    static std::string of_part(const std::string& upload, int number) {
        return "&partNumber=" + std::to_string(number) + "&uploadId=" + upload;
    }

    HttpReply begin(const Json& body) {
        auto closure = body.value("closure", std::string());
        if (closure.empty()) return text_reply(400, "missing closure key");
        if (!closure.ends_with(".narinfo")) return text_reply(400, "closure key must end with .narinfo");
        if (!body.contains("objects") || body["objects"].empty()) return text_reply(400, "missing objects key");
        std::map<std::string, Niks3Store::Object> objects;
        std::map<std::string, std::string> types;
        for (const auto& entry : body["objects"]) {
            auto key = entry.value("key", std::string()), type = entry.value("type", std::string());
            if (!is_key(key, type))
                return text_reply(400, "invalid object key \"" + key + "\" for type \"" + type + "\"");
            Niks3Store::Object object;
            object.refs = entry["refs"].get<std::set<std::string>>();
            object.nar_size = entry.value("nar_size", std::uint64_t{0});
            objects[key] = std::move(object);
            types[key] = type;
        }
        auto id = store_.begin(closure, std::move(objects), body.value("verify_s3", false));
        Json json{{"id", id}, {"started_at", "2026-11-29T00:00:00Z"}, {"pending_objects", Json::object()}};
        auto pending = *store_.find_pending(id);
        for (const auto& [key, object] : pending.objects)
            json["pending_objects"][key] = slot(id, key, types[key], object.nar_size);
        return json_reply(json);
    }

    Json slot(const std::string& id, const std::string& key, const std::string& type, std::uint64_t nar_size) {
        bool is_whole = type != "nar" || (nar_size > 0 && nar_size <= settings_.largest_whole);
        if (is_whole) return {{"type", type}, {"presigned_url", address(key)}};
        auto upload = store_.begin_upload(id, key);
        Json urls = Json::array();
        for (std::size_t i = 0; i < parts_for(nar_size, settings_.largest_whole); ++i)
            urls.push_back(address(key, of_part(upload, static_cast<int>(i) + 1)));
        return {{"type", type}, {"multipart_info", {{"upload_id", upload}, {"part_urls", urls}}}};
    }

    HttpReply more_parts(const Json& body) {
        auto key = body.value("object_key", std::string()), id = body.value("upload_id", std::string());
        auto first = body.value("start_part_number", 0), count = body.value("num_parts", 0);
        if (first <= 0) return text_reply(400, "start_part_number must be positive");
        if (count <= 0 || count > 1000) return text_reply(400, "num_parts must be between 1 and 1000");
        if (first + count - 1 > 10'000) return text_reply(400, "requested parts exceed S3 maximum of 10000");
        auto* upload = store_.find_upload(id);
        if (!upload || upload->key != key) return text_reply(404, "multipart upload not found");
        Json urls = Json::array();
        for (int number = first; number < first + count; ++number) urls.push_back(address(key, of_part(id, number)));
        return json_reply({{"part_urls", urls}, {"start_part_number", first}});
    }

    HttpReply complete_upload(const Json& body) {
        auto key = body.value("object_key", std::string()), id = body.value("upload_id", std::string());
        if (!body.contains("parts") || body["parts"].empty()) return text_reply(400, "missing parts");
        auto* upload = store_.find_upload(id);
        if (!upload || upload->key != key) return text_reply(404, "multipart upload not found");
        std::vector<std::string> etags;
        for (const auto& part : body["parts"]) etags.push_back(part.value("etag", std::string()));
        auto wrong = store_.complete_upload(id, etags, settings_.smallest_part);
        if (!wrong || store_.has_file(key)) return HttpReply(204);
        return text_reply(500, "failed to complete multipart upload: " + *wrong);
    }

    HttpReply sign(const Json& body, const std::string& id) {
        const auto* pending = store_.find_pending(id);
        Json signatures = Json::object();
        auto narinfos = body.value("narinfos", Json::object()); // which its items() refer to
        for (const auto& [key, info] : narinfos.items()) {
            if (!pending || !pending->objects.contains(key))
                return text_reply(403, "invalid narinfo key: not part of this pending closure");
            auto hash = info.value("nar_hash", std::string());
            if (!hash.starts_with("sha256:") || hash.size() != 59)
                return text_reply(500, "failed to sign narinfo: NAR hash has invalid length");
            auto references = info.value("references", std::vector<std::string>());
            std::sort(references.begin(), references.end());
            auto fingerprint = "1;" + info.value("store_path", std::string()) + ";" + hash + ";" +
                               std::to_string(info.value("nar_size", std::uint64_t{0})) + ";" + join(references, ",");
            signatures[key] = Json::array();
            if (settings_.signs) signatures[key].push_back(store_.key().sign(fingerprint).value());
        }
        return json_reply({{"signatures", signatures}});
    }

    HttpReply pin(const Json& body, const std::string& name) {
        static const std::regex letters("^[a-zA-Z0-9._-]{1,256}$");
        if (!std::regex_match(name, letters)) return text_reply(400, "invalid pin name");
        auto path = body.value("store_path", std::string());
        auto base = path.substr(path.rfind('/') + 1);
        if (!store_.is_closure(base.substr(0, base.find('-')) + ".narinfo"))
            return text_reply(404, "closure not found: store path must be pushed before pinning");
        store_.pins[name] = path;
        store_.put_file("pins/" + name, path);
        return HttpReply(204);
    }

    HttpReply put(Asked& asked, const std::string& key) {
        const auto& request = asked.request;
        if (request.method != "PUT") return s3_error(405, "MethodNotAllowed", "not here");
        if (!request.header("Authorization").empty()) {
            ++logins_at_bucket_;
            return s3_error(400, "InvalidArgument", "Only one auth mechanism allowed");
        }
        auto upload_id = parameter(request.target, "uploadId");
        auto number = parse_u64(parameter(request.target, "partNumber")).value_or(0);
        auto more = upload_id.empty() ? std::string() : of_part(upload_id, static_cast<int>(number));
        auto given = parameter(request.target, "X-Amz-Signature");
        if (given.empty()) return s3_error(403, "AccessDenied", "Access Denied");
        if (given != signature(key + more, epoch_))
            return s3_error(403, "AccessDenied", "Request has expired or was signed for something else");
        auto md5 = codec::hash_bytes(codec::HashAlgorithm::md5, request.body);
        auto told = request.header("Content-MD5");
        if (!told.empty() && told != codec::to_base64(md5.digest()))
            return s3_error(400, "BadDigest", "The Content-MD5 you specified did not match what we received.");
        HttpReply reply(200);
        if (!upload_id.empty()) {
            if (!store_.find_upload(upload_id)) return s3_error(404, "NoSuchUpload", "The upload does not exist.");
            store_.put_part(upload_id, static_cast<int>(number), request.body);
        } else {
            store_.put_file(key, request.body);
            if (key.ends_with(".narinfo")) asked.published = key.substr(0, key.find('.'));
        }
        reply.headers.emplace_back("ETag", "\"" + md5.to_base16() + "\"");
        return reply;
    }

    HttpReply serve(const std::string& name) const {
        if (name == "nix-cache-info") return HttpReply(200, "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 30\n");
        if (name.find("..") != name.npos || !store_.has_file(name))
            return s3_error(404, "NoSuchKey", "The specified key does not exist.");
        HttpReply reply(200);
        if (name.starts_with("nar/")) {
            reply.body_file = store_.file(name);
            return reply;
        }
        std::ifstream in(store_.file(name), std::ios::binary);
        reply.body.assign(std::istreambuf_iterator<char>(in), {});
        return reply;
    }
};

Niks3Server::Niks3Server(Niks3ServerSettings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
Niks3Server::~Niks3Server() = default;

std::string Niks3Server::url() const { return impl_->server_.url(); }
std::string Niks3Server::host() const { return url().substr(std::string_view("http://").size()); }
std::string Niks3Server::public_key() const { return impl_->store_.key().public_key().to_string(); }
HttpServer& Niks3Server::server() { return impl_->server_; }

void Niks3Server::set_faults(std::vector<CachixFault> rules) {
    std::lock_guard lock(impl_->mutex_);
    impl_->faults_.set(std::move(rules));
}

Result<void> Niks3Server::set_faults_json(std::string_view json) {
    std::lock_guard lock(impl_->mutex_);
    return impl_->faults_.parse(json);
}

void Niks3Server::expire_addresses() {
    std::lock_guard lock(impl_->mutex_);
    ++impl_->epoch_;
}

void Niks3Server::collect_garbage(bool all) {
    std::lock_guard lock(impl_->mutex_);
    impl_->store_.collect_garbage(all);
}

bool Niks3Server::remove(const std::string& key) {
    std::lock_guard lock(impl_->mutex_);
    return impl_->store_.remove_file(key);
}

std::size_t Niks3Server::count(std::string_view glob) const {
    std::lock_guard lock(impl_->mutex_);
    auto fits = [glob](const std::string& asked) { return glob_match(glob, asked); };
    return static_cast<std::size_t>(std::count_if(impl_->asked_.begin(), impl_->asked_.end(), fits));
}

std::size_t Niks3Server::logins_at_bucket() const {
    std::lock_guard lock(impl_->mutex_);
    return impl_->logins_at_bucket_;
}

Niks3Server::State Niks3Server::state() const {
    std::lock_guard lock(impl_->mutex_);
    const auto& store = impl_->store_;
    return State{store.pending_count(), store.upload_count(), store.narinfos(), store.pins};
}

} // namespace cachefill::test
