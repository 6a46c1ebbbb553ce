#include "daemon/lasting_connection.hpp"

#include "async/limiter.hpp"
#include "nix/realisation.hpp"

#include <unordered_set>

namespace cachefill::daemon {

namespace {

using async::Task;

class LastingConnection final : public Connection {
  public:
    LastingConnection(async::Executor executor, Endpoint endpoint, std::unique_ptr<Connection> first)
        : endpoint_(std::move(endpoint)), current_(std::move(first)), reconnecting_(executor, 1) {}

    Trust trust() const override { return current_->trust(); }
    const std::string& nix_version() const override { return current_->nix_version(); }
    bool is_broken() const override { return current_->is_broken(); } // until the next request
    void set_log_sink(LogSink sink) override {
        log_sink_ = sink;
        current_->set_log_sink(std::move(sink));
    }

    Task<Result<void>> set_options(Options options) override {
        options_ = std::move(options);
        auto work = [this](Connection& connection) { return connection.set_options(*options_); };
        co_return co_await ask<void>(std::move(work));
    }
    Task<Result<std::vector<nix::StorePath>>> query_valid_paths(std::vector<nix::StorePath> paths) override {
        auto work = [&paths](Connection& connection) { return connection.query_valid_paths(paths); };
        co_return co_await ask<std::vector<nix::StorePath>>(std::move(work));
    }
    Task<Result<std::optional<nix::PathInfo>>> query_path_info(nix::StorePath path) override {
        auto work = [&path](Connection& connection) { return connection.query_path_info(path); };
        co_return co_await ask<std::optional<nix::PathInfo>>(std::move(work));
    }
    Task<Result<std::vector<std::optional<nix::PathInfo>>>>
    query_path_infos(std::vector<nix::StorePath> paths) override {
        auto work = [&paths](Connection& connection) { return connection.query_path_infos(paths); };
        co_return co_await ask<std::vector<std::optional<nix::PathInfo>>>(std::move(work));
    }
    Task<Result<std::vector<BuildResult>>> build_paths(std::vector<DerivedPath> paths, BuildMode mode) override {
        CO_TRY(connection, co_await usable());
        co_return co_await connection->build_paths(std::move(paths), mode);
    }
    Task<Result<void>> ensure_path(nix::StorePath path) override {
        auto work = [&path](Connection& connection) { return connection.ensure_path(path); };
        co_return co_await ask<void>(std::move(work));
    }
    Task<Result<void>> add_temp_root(nix::StorePath path) override {
        rooted_.insert(path);
        auto work = [&path](Connection& connection) { return connection.add_temp_root(path); };
        co_return co_await ask<void>(std::move(work));
    }
    Task<Result<void>> add_temp_roots(std::vector<nix::StorePath> paths) override {
        rooted_.insert(paths.begin(), paths.end());
        auto work = [&paths](Connection& connection) { return connection.add_temp_roots(paths); };
        co_return co_await ask<void>(std::move(work));
    }
    Task<Result<void>> add_indirect_root(std::filesystem::path link) override {
        auto work = [&link](Connection& connection) { return connection.add_indirect_root(link); };
        co_return co_await ask<void>(std::move(work));
    }
    Task<Result<Missing>> query_missing(std::vector<DerivedPath> paths, std::chrono::milliseconds deadline) override {
        auto work = [&paths, deadline](Connection& connection) { return connection.query_missing(paths, deadline); };
        co_return co_await ask<Missing>(std::move(work));
    }
    Task<Result<std::map<std::string, std::optional<nix::StorePath>>>>
    query_derivation_outputs(nix::StorePath derivation) override {
        auto work = [&derivation](Connection& connection) { return connection.query_derivation_outputs(derivation); };
        co_return co_await ask<std::map<std::string, std::optional<nix::StorePath>>>(std::move(work));
    }
    Task<Result<std::optional<nix::Realisation>>> query_realisation(std::string id) override {
        auto work = [&id](Connection& connection) { return connection.query_realisation(id); };
        co_return co_await ask<std::optional<nix::Realisation>>(std::move(work));
    }
    Task<Result<void>> add_objects(Payload payload) override {
        CO_TRY(connection, co_await usable());
        co_return co_await connection->add_objects(std::move(payload));
    }
    Task<Result<std::vector<nix::StorePath>>> find_dead(std::vector<nix::StorePath> paths) override {
        auto work = [&paths](Connection& connection) { return connection.find_dead(paths); };
        co_return co_await ask<std::vector<nix::StorePath>>(std::move(work));
    }
    Task<Result<std::uint64_t>> delete_paths(std::vector<nix::StorePath> paths) override {
        CO_TRY(connection, co_await usable());
        co_return co_await connection->delete_paths(std::move(paths));
    }

  private:
    // A request in flight keeps the connection it runs on.
    using Shared = std::shared_ptr<Connection>;

    template <class T, class Work> Task<Result<T>> ask(Work work) {
        CO_TRY(connection, co_await usable());
        auto result = co_await work(*connection);
        if (result || !connection->is_broken()) co_return result;
        CO_TRY(fresh, co_await usable());
        co_return co_await work(*fresh);
    }

    Task<Result<Shared>> usable() {
        if (!current_->is_broken()) co_return current_;
        auto turn = co_await reconnecting_.acquire(1);
        if (!current_->is_broken()) co_return current_; // made by whoever had the turn before
        CO_TRY(fresh, co_await connect(endpoint_));
        if (log_sink_) fresh->set_log_sink(log_sink_);
        if (options_) {
            auto options = *options_;
            CO_TRY_VOID(co_await fresh->set_options(std::move(options)));
        }
        std::vector<nix::StorePath> rooted(rooted_.begin(), rooted_.end());
        CO_TRY_VOID(co_await fresh->add_temp_roots(std::move(rooted)));
        current_ = std::move(fresh);
        co_return current_;
    }

    Endpoint endpoint_;
    Shared current_;
    async::Limiter reconnecting_;
    LogSink log_sink_;
    std::optional<Options> options_;
    std::unordered_set<nix::StorePath> rooted_;
};

} // namespace

Task<Result<std::unique_ptr<Connection>>> connect_lasting(Endpoint endpoint) {
    auto executor = co_await boost::asio::this_coro::executor;
    CO_TRY(first, co_await connect(endpoint));
    std::unique_ptr<Connection> lasting =
        std::make_unique<LastingConnection>(executor, std::move(endpoint), std::move(first));
    co_return lasting;
}

} // namespace cachefill::daemon
