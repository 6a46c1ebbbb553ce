#include "unit/cache/backends.hpp"

#include <boost/test/unit_test.hpp>

namespace cachefill::test {

HttpBackend::HttpBackend(const std::filesystem::path&)
    : server_([this](const HttpRequest& request) { return handle(request); }) {}

cache::Credentials HttpBackend::credentials() const {
    cache::Credentials credentials;
    credentials.signing_key = key_;
    return credentials;
}

void HttpBackend::intercept(std::function<std::optional<HttpReply>(const HttpRequest&)> before) {
    std::lock_guard lock(mutex_);
    before_ = std::move(before);
}

void HttpBackend::lose_next_reply(const std::string& method, const std::string& path) {
    std::lock_guard lock(mutex_);
    lost_ = method + " " + path;
}

std::map<std::string, std::string> HttpBackend::files() const {
    std::lock_guard lock(mutex_);
    return files_;
}

void HttpBackend::put(const std::string& path, std::string content) {
    std::lock_guard lock(mutex_);
    files_[path] = std::move(content);
}

HttpReply HttpBackend::handle(const HttpRequest& request) {
    std::lock_guard lock(mutex_);
    if (before_)
        if (auto reply = before_(request)) return *reply;
    HttpReply reply(404, "not here");
    auto file = files_.find(request.path());
    if (request.method == "PUT") {
        files_[request.path()] = request.body;
        reply = HttpReply(201);
    } else if (file != files_.end()) {
        reply = HttpReply(200, file->second);
    }
    if (lost_ == request.method + " " + request.path()) {
        lost_.clear();
        reply.faults.reset_after = 10; // not before its first byte: that the client would take for a stale connection
    }
    return reply;
}

CachixServerSettings CachixBackend::settings(const std::filesystem::path& directory) {
    CachixServerSettings settings;
    settings.directory = directory / "cachix";
    settings.write_tokens = {"write-token"};
    settings.read_tokens = {"read-token"};
    return settings;
}

cache::Credentials CachixBackend::credentials() const {
    cache::Credentials credentials;
    credentials.token = Secret("write-token");
    return credentials;
}

namespace {

// Passes requests on with deadlines fit for tests of servers that fall silent.
class HastyClient final : public http::Client {
  public:
    explicit HastyClient(http::Client& client) : client_(client) {}
    async::Task<Result<http::Response>> send(http::Request request) override {
        request.deadlines.first_byte = std::chrono::milliseconds(600);
        request.deadlines.stall = std::chrono::milliseconds(600);
        co_return co_await client_.send(std::move(request));
    }

  private:
    http::Client& client_;
};

async::Task<Result<cache::CacheInfo>> with_cache(async::Executor executor, const DeskSettings& settings,
                                                 const Body* body) {
    http::ClientSettings client_settings;
    auto real_client = http::make_client(executor, std::move(client_settings));
    HastyClient hasty_client(*real_client);
    http::Client& client = settings.is_hasty ? static_cast<http::Client&>(hasty_client) : *real_client;
    async::WorkerPool workers(executor, 2);
    async::Limiter budget(executor, 64 << 20);
    cache::CacheContext context{.executor = executor,
                                .client = client,
                                .workers = workers,
                                .retry = settings.retry,
                                .spool_directory = settings.spool,
                                .cachix_api = settings.cachix_api,
                                .for_writing = settings.for_writing,
                                .is_own = settings.is_own};
    auto uri = cache::CacheUri::parse(settings.uri).value();
    auto target = cache::make_cache(uri, settings.credentials, context);
    CO_TRY(info, co_await target->open());
    if (body) {
        Desk desk{executor, client, workers, budget, context, *target, info};
        co_await (*body)(desk);
        BOOST_TEST(budget.in_use() == 0U); // no chunk is held any longer
    }
    co_return info;
}

} // namespace

Result<cache::CacheInfo> try_open(const DeskSettings& settings) {
    auto make = [&](async::Executor executor) { return with_cache(executor, settings, nullptr); };
    return run_task<Result<cache::CacheInfo>>(make);
}

void at_desk(const DeskSettings& settings, const Body& body) {
    auto make = [&](async::Executor executor) { return with_cache(executor, settings, &body); };
    auto opened = run_task<Result<cache::CacheInfo>>(make);
    if (!opened) BOOST_FAIL("the cache does not open: " + opened.error().one_line());
}

} // namespace cachefill::test
