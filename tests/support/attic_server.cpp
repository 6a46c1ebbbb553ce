#include "support/attic_server.hpp"

#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "nix/store_path.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <mutex>
#include <set>

namespace cachefill::test {

namespace {

using Json = nlohmann::json;

// SQLite knows that many variables in one statement, two of which the question needs itself.
constexpr std::size_t most_hashes = 32'765;
constexpr std::size_t longest_json = 2 << 20;
constexpr std::size_t longest_preamble = 1 << 20;

HttpReply json_reply(const Json& json, int status = 200) {
    HttpReply reply(status, json.dump());
    reply.headers.emplace_back("Content-Type", "application/json");
    return reply;
}

HttpReply error(int status, const std::string& name, const std::string& message) {
    return json_reply({{"code", status}, {"error", name}, {"message", message}}, status);
}

// What the framework says before the server itself is asked.
HttpReply plain_error(int status, std::string text) {
    HttpReply reply(status, std::move(text));
    reply.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
    return reply;
}

HttpReply unauthorized() { return error(401, "Unauthorized", "Unauthorized."); }
HttpReply no_such_cache() { return error(404, "NoSuchCache", "The requested cache does not exist."); }

bool is_store_hash(std::string_view hash) { return hash.size() == nix::hash_part_length && codec::is_nix32(hash); }

} // namespace

class AtticServer::Impl {
  public:
    explicit Impl(AtticServerSettings settings)
        : settings_(std::move(settings)), store_(settings_.directory, settings_.cache),
          server_([this](const HttpRequest& request) { return handle(request); }) {}

    ~Impl() { server_.stop(); }

    mutable std::mutex mutex_; // the handler runs on the server's thread
    AtticServerSettings settings_;
    AtticStore store_;
    CachixFaults faults_;
    Forms forms_;
    std::vector<std::string> asked_; // "METHOD /path"
    std::string log_;
    HttpServer server_;

  private:
    enum class Access { nothing, discover, pull, push };

    HttpReply handle(const HttpRequest& request) {
        std::lock_guard lock(mutex_);
        if (request.path().starts_with("/_") && !request.path().starts_with("/_api")) return administer(request);
        auto fault = faults_.next(request.method, request.path());
        std::string published;
        bool without_effect = fault.status != 0 || fault.http.reset || fault.http.hang_up || fault.http.never_answer;
        auto reply = fault.status != 0 ? plain_error(fault.status, fault.body) : HttpReply(200);
        if (!without_effect) reply = answer(request, published);
        if (fault.retry_after) reply.headers.emplace_back("Retry-After", std::to_string(*fault.retry_after));
        auto worked = reply.faults.delay;
        reply.faults = fault.http;
        reply.faults.delay += worked;
        if (fault.lose_reply) reply.faults.reset_after = 10;
        note(request, reply, published);
        return reply;
    }

    void note(const HttpRequest& request, const HttpReply& reply, const std::string& published) {
        asked_.push_back(request.method + " " + request.path());
        Json entry{{"method", request.method},
                   {"path", request.path()},
                   {"status", reply.status},
                   {"bytes", request.body.size()}};
        if (!published.empty()) entry["published"] = published;
        log_ += entry.dump() + "\n";
        if (!settings_.log_file.empty()) std::ofstream(settings_.log_file, std::ios::app) << entry.dump() << std::endl;
    }

    HttpReply administer(const HttpRequest& request) {
        auto path = request.path();
        if (path == "/_log") return HttpReply(200, log_);
        if (path == "/_state") {
            Json state{{"uri", server_.url() + "/" + settings_.cache}, {"narinfos", store_.hashes()}};
            return json_reply(state);
        }
        if (path == "/_faults") {
            auto set = faults_.parse(request.body);
            return set ? HttpReply(200) : HttpReply(400, set.error().cause());
        }
        if (path.starts_with("/_delete/")) return HttpReply(store_.remove(path.substr(9)) ? 200 : 404);
        return HttpReply(404);
    }

    // Bearer in any case, or Basic with any user and the token as its password. A bad one counts as none.
    std::string token(const HttpRequest& request) const {
        auto value = request.header("Authorization");
        auto blank = std::min(value.find(' '), value.size());
        auto kind = to_lower(value.substr(0, blank));
        if (blank == value.size()) return {};
        if (kind == "bearer") return value.substr(blank + 1);
        auto decoded = codec::from_base64(value.substr(blank + 1));
        return kind == "basic" && decoded ? decoded->substr(decoded->find(':') + 1) : std::string();
    }

    Access access(const HttpRequest& request) const {
        auto given = token(request);
        auto among = [&](const std::vector<std::string>& tokens) {
            return std::find(tokens.begin(), tokens.end(), given) != tokens.end();
        };
        if (among(settings_.push_tokens)) return Access::push;
        if (among(settings_.pull_tokens) || !settings_.is_private) return Access::pull;
        return Access::nothing;
    }

    // Who may do nothing with a cache is not told whether it exists; a token of ours is for all caches.
    std::optional<HttpReply> refuse(const HttpRequest& request, const std::string& cache, Access wanted) const {
        auto allowed = access(request);
        auto given = token(request);
        bool is_known = std::count(settings_.push_tokens.begin(), settings_.push_tokens.end(), given) > 0 ||
                        std::count(settings_.pull_tokens.begin(), settings_.pull_tokens.end(), given) > 0;
        if (cache != settings_.cache) return is_known ? no_such_cache() : unauthorized();
        if (allowed >= wanted) return {};
        if (allowed == Access::nothing) return unauthorized();
        return error(403, "AccessError", "Access error: User does not have permission to complete this action.");
    }

    HttpReply answer(const HttpRequest& request, std::string& published) {
        if (settings_.body_limit > 0 && request.body.size() > settings_.body_limit)
            return plain_error(413, "<html><head><title>413 Request Entity Too Large</title></head></html>");
        auto path = request.path();
        constexpr std::string_view config = "/_api/v1/cache-config/";
        bool reads = request.method == "GET" || request.method == "HEAD";
        if (path.starts_with(config) && reads) return cache_config(request, path.substr(config.size()));
        if (path == "/_api/v1/get-missing-paths") return missing(request);
        if (path == "/_api/v1/upload-path" && request.method == "PUT") return upload(request, published);
        auto slash = path.find('/', 1);
        auto name = slash == path.npos ? std::string() : path.substr(slash + 1);
        bool is_file = name == "nix-cache-info" || name.starts_with("nar/") ||
                       (name.ends_with(".narinfo") && name.find('/') == name.npos);
        if (!reads || !is_file) return error(404, "NotFound", "The requested URL does not exist.");
        if (auto refusal = refuse(request, path.substr(1, slash - 1), Access::pull)) return *refusal;
        return serve(name);
    }

    std::string endpoint(const HttpRequest& request) const {
        if (!settings_.api_endpoint.empty()) return settings_.api_endpoint;
        auto is_tls = request.header("X-Forwarded-Proto") == "https";
        return (is_tls ? "https://" : "http://") + request.header("Host") + "/";
    }

    HttpReply cache_config(const HttpRequest& request, const std::string& cache) const {
        if (auto refusal = refuse(request, cache, Access::pull)) return *refusal;
        Json json;
        json["api_endpoint"] = endpoint(request);
        json["substituter_endpoint"] =
            (settings_.substituter_endpoint.empty() ? endpoint(request) : settings_.substituter_endpoint) +
            settings_.cache;
        json["public_key"] = store_.public_key().to_string();
        if (settings_.tells_public) json["is_public"] = !settings_.is_private;
        json["store_dir"] = "/nix/store";
        json["priority"] = settings_.priority;
        json["upstream_cache_key_names"] = settings_.upstream_key_names;
        json["retention_period"] = "Global";
        if (settings_.retention) json["retention_period"] = Json{{"Period", *settings_.retention}};
        return json_reply(json);
    }

    HttpReply missing(const HttpRequest& request) {
        if (request.method != "POST") return plain_error(405, "");
        if (request.body.size() > longest_json) return plain_error(413, "Failed to buffer the request body");
        auto json = Json::parse(request.body, nullptr, false);
        if (!json.is_object() || !json.contains("cache") || !json["store_path_hashes"].is_array())
            return plain_error(422, "Failed to deserialize the JSON body into the target type");
        if (auto refusal = refuse(request, json["cache"].get<std::string>(), Access::push)) return *refusal;
        std::set<std::string> hashes; // in no order that is promised
        for (const auto& hash : json["store_path_hashes"]) {
            if (!hash.is_string() || !is_store_hash(hash.get<std::string>()))
                return plain_error(422, "Failed to deserialize the JSON body into the target type: Invalid hash");
            if (!store_.has(hash)) hashes.insert(hash);
        }
        forms_.most_hashes = std::max(forms_.most_hashes, json["store_path_hashes"].size());
        if (json["store_path_hashes"].size() > most_hashes)
            return error(500, "InternalServerError", "The server encountered an internal error or misconfiguration.");
        return json_reply(Json{{"missing_paths", hashes}});
    }

    HttpReply upload(const HttpRequest& request, std::string& published) {
        auto bad = [](const std::string& why) { return error(400, "RequestError", "General request error: " + why); };
        std::string_view nar = request.body;
        std::string description = request.header("X-Attic-Nar-Info");
        auto preamble = request.header("X-Attic-Nar-Info-Preamble-Size");
        if (!preamble.empty()) {
            auto size = parse_u64(preamble);
            if (!size || *size > longest_preamble || *size > nar.size()) return bad("Upload info is too large");
            description = nar.substr(0, *size);
            nar.remove_prefix(*size);
        }
        ++(preamble.empty() ? forms_.headers : forms_.preambles);
        if (request.header("Transfer-Encoding") == "chunked") ++forms_.chunked;
        auto json = Json::parse(description, nullptr, false);
        if (!json.is_object()) return bad("X-Attic-Nar-Info must be set");
        std::string cache, hash;
        AtticStore::Object object;
        try {
            cache = json.at("cache").get<std::string>();
            hash = json.at("store_path_hash").get<std::string>();
            object.store_path = json.at("store_path").get<std::string>();
            object.references = json.at("references").get<std::vector<std::string>>();
            object.signatures = json.at("sigs").get<std::vector<std::string>>();
            object.nar_hash = json.at("nar_hash").get<std::string>();
            object.nar_size = json.at("nar_size").get<std::uint64_t>();
            if (!json.at("ca").is_null()) object.content_address = json.at("ca").get<std::string>();
        } catch (const Json::exception& problem) { // answered with 400
            return bad(problem.what());
        }
        if (!object.nar_hash.starts_with("sha256:")) return bad("hash");
        object.nar_hash.erase(0, 7);
        if (auto refusal = refuse(request, cache, Access::push)) return *refusal;
        if (!is_store_hash(hash)) return bad("Invalid hash");
        auto work = settings_.work_per_mebibyte * static_cast<int>(nar.size() >> 20);
        auto kept = store_.put(hash, std::move(object), nar);
        if (!kept) return bad(kept.error().cause());
        published = hash;
        Json told{{"kind", *kept ? "Deduplicated" : "Uploaded"}, {"frac_deduplicated", nullptr}};
        if (!*kept) told["file_size"] = nar.size() / 2;
        auto reply = json_reply(told);
        reply.faults.delay = work;
        return reply;
    }

    HttpReply serve(const std::string& name) const {
        if (name == "nix-cache-info")
            return HttpReply(
                200, "WantMassQuery: 1\nStoreDir: /nix/store\nPriority: " + std::to_string(settings_.priority) + "\n");
        auto no_object = error(404, "NoSuchObject", "The requested object does not exist.");
        if (name.ends_with(".narinfo")) {
            auto text = store_.narinfo(name.substr(0, name.size() - 8));
            return text ? HttpReply(200, *text) : no_object;
        }
        if (!name.starts_with("nar/") || !name.ends_with(".nar")) return no_object;
        auto file = store_.find_nar(name.substr(4, name.size() - 8));
        if (!file) return no_object;
        // It is put together from chunks: no length, and no part of it can be asked for.
        std::ifstream in(*file, std::ios::binary);
        HttpReply reply(200, std::string(std::istreambuf_iterator<char>(in), {}));
        reply.chunked = true;
        return reply;
    }
};

AtticServer::AtticServer(AtticServerSettings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
AtticServer::~AtticServer() = default;

std::string AtticServer::url() const { return impl_->server_.url(); }
std::string AtticServer::host() const { return url().substr(std::string_view("http://").size()); }
std::string AtticServer::public_key() const { return impl_->store_.public_key().to_string(); }
HttpServer& AtticServer::server() { return impl_->server_; }

void AtticServer::set_faults(std::vector<CachixFault> rules) {
    std::lock_guard lock(impl_->mutex_);
    impl_->faults_.set(std::move(rules));
}

Result<void> AtticServer::set_faults_json(std::string_view json) {
    std::lock_guard lock(impl_->mutex_);
    return impl_->faults_.parse(json);
}

void AtticServer::set_body_limit(std::uint64_t bytes) {
    std::lock_guard lock(impl_->mutex_);
    impl_->settings_.body_limit = bytes;
}

std::size_t AtticServer::count(std::string_view glob) const {
    std::lock_guard lock(impl_->mutex_);
    auto fits = [glob](const std::string& asked) { return glob_match(glob, asked); };
    return static_cast<std::size_t>(std::count_if(impl_->asked_.begin(), impl_->asked_.end(), fits));
}

AtticServer::Forms AtticServer::forms() const {
    std::lock_guard lock(impl_->mutex_);
    return impl_->forms_;
}

std::vector<std::string> AtticServer::published() const {
    std::lock_guard lock(impl_->mutex_);
    return impl_->store_.hashes();
}

bool AtticServer::remove(const std::string& hash) {
    std::lock_guard lock(impl_->mutex_);
    return impl_->store_.remove(hash);
}

} // namespace cachefill::test
