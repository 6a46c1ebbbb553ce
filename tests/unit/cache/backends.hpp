#pragma once

#include "base/files.hpp"
#include "cache/make_cache.hpp"
#include "support/cachix_server.hpp"
#include "support/http_server.hpp"
#include "support/run_task.hpp"
#include "unit/cache/sample.hpp"

#include <map>
#include <mutex>

namespace cachefill::test {

// One server or directory for each kind of cache, and what is needed to reach it.

class FileBackend {
  public:
    explicit FileBackend(const std::filesystem::path& directory) : directory_(directory / "cache") {}
    std::string uri() const { return "file://" + directory_.string(); }
    cache::Credentials credentials() const { return {}; }
    std::string cachix_api() const { return {}; }
    const std::filesystem::path& directory() const { return directory_; }

  private:
    std::filesystem::path directory_;
};

// A plain HTTP server that keeps in memory what is PUT.
class HttpBackend {
  public:
    explicit HttpBackend(const std::filesystem::path&);
    std::string uri() const { return server_.url(); }
    cache::Credentials credentials() const;
    std::string cachix_api() const { return {}; }

    // Calls `before` for each request; what it returns, if anything, is answered instead.
    void intercept(std::function<std::optional<HttpReply>(const HttpRequest&)> before);
    // After the request has had its effect.
    void lose_next_reply(const std::string& method, const std::string& path);
    std::map<std::string, std::string> files() const;
    void put(const std::string& path, std::string content);
    HttpServer& server() { return server_; }

  private:
    HttpReply handle(const HttpRequest& request);

    mutable std::mutex mutex_; // the handler runs on the server's thread
    std::map<std::string, std::string> files_;
    std::function<std::optional<HttpReply>(const HttpRequest&)> before_;
    std::string lost_;
    nix::SecretKey key_ = nix::SecretKey::generate("plain-1");
    HttpServer server_;
};

class CachixBackend {
  public:
    explicit CachixBackend(const std::filesystem::path& directory) : CachixBackend(settings(directory)) {}
    explicit CachixBackend(CachixServerSettings settings) : server_(std::move(settings)) {}
    static CachixServerSettings settings(const std::filesystem::path& directory);

    std::string uri() const { return "demo"; }
    cache::Credentials credentials() const;
    std::string cachix_api() const { return server_.api_url(); }
    CachixServer& server() { return server_; }

  private:
    CachixServer server_;
};

// What a test body works with: an opened cache and what it needs around it.
struct Desk {
    async::Executor executor;
    http::Client& client;
    async::WorkerPool& workers;
    async::Limiter& budget;
    cache::CacheContext context;
    cache::BinaryCache& cache;
    cache::CacheInfo info;
};

struct DeskSettings {
    std::string uri;
    std::string cachix_api;
    cache::Credentials credentials;
    std::filesystem::path spool;
    bool for_writing = true;
    bool is_own = false;
    bool is_hasty = false; // waits for silent servers only a fraction of a second
    async::RetryPolicy retry{.first_delay = std::chrono::milliseconds(5),
                             .longest_delay = std::chrono::milliseconds(50),
                             .longest_server_delay = std::chrono::seconds(2),
                             .budget = std::chrono::seconds(5)};
};

using Body = std::function<async::Task<void>(Desk&)>;

// Opens the cache and runs the body.
void at_desk(const DeskSettings& settings, const Body& body);
// Opens it only, for the failure.
Result<cache::CacheInfo> try_open(const DeskSettings& settings);

template <class Backend> DeskSettings desk_settings(const Backend& backend, const std::filesystem::path& directory) {
    DeskSettings settings;
    settings.uri = backend.uri();
    settings.cachix_api = backend.cachix_api();
    settings.credentials = backend.credentials();
    settings.spool = directory / "spool";
    return settings;
}

} // namespace cachefill::test
