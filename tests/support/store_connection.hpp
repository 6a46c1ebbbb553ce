#pragma once

#include "daemon/connection.hpp"
#include "nix/realisation.hpp"

#include <set>

namespace cachefill::test {

// A daemon's connection without a daemon: it answers from a table, at once, and remembers what it was asked.
class StoreConnection final : public daemon::Connection {
  public:
    using Infos = std::map<nix::StorePath, nix::PathInfo>;

    // What the table names is valid. It outlives this.
    explicit StoreConnection(const Infos& infos) : infos_(infos) {}

    std::optional<Failure> failure; // of every question
    std::map<std::string, nix::Realisation> realisations;
    // What becomes of a request to build; what it says meanwhile goes by tell().
    std::function<Result<std::vector<daemon::BuildResult>>(const std::vector<daemon::DerivedPath>&)> on_build =
        [](const auto&) { return refused(); };
    void tell(const daemon::LogEvent& log) const {
        if (sink_) sink_(log);
    }
    std::vector<nix::StorePath> rooted;
    std::vector<std::size_t> questions; // about how many paths each was

    daemon::Trust trust() const override { return daemon::Trust::trusted; }
    const std::string& nix_version() const override { return version_; }
    bool is_broken() const override { return failure.has_value(); }
    void set_log_sink(daemon::LogSink sink) override { sink_ = std::move(sink); }

    async::Task<Result<void>> set_options(daemon::Options) override { co_return done(); }
    async::Task<Result<std::vector<nix::StorePath>>> query_valid_paths(std::vector<nix::StorePath> paths) override {
        questions.push_back(paths.size());
        if (failure) co_return *failure;
        std::erase_if(paths, [this](const auto& path) { return !infos_.contains(path); });
        co_return paths;
    }
    async::Task<Result<std::optional<nix::PathInfo>>> query_path_info(nix::StorePath path) override {
        questions.push_back(1);
        if (failure) co_return *failure;
        co_return find(path);
    }
    async::Task<Result<std::vector<std::optional<nix::PathInfo>>>>
    query_path_infos(std::vector<nix::StorePath> paths) override {
        questions.push_back(paths.size());
        if (failure) co_return *failure;
        std::vector<std::optional<nix::PathInfo>> infos;
        for (const auto& path : paths) infos.push_back(find(path));
        co_return infos;
    }
    async::Task<Result<void>> add_temp_root(nix::StorePath path) override {
        rooted.push_back(std::move(path));
        co_return done();
    }
    async::Task<Result<void>> add_temp_roots(std::vector<nix::StorePath> paths) override {
        rooted.insert(rooted.end(), paths.begin(), paths.end());
        co_return done();
    }
    async::Task<Result<std::optional<nix::Realisation>>> query_realisation(std::string id) override {
        if (failure) co_return *failure;
        auto found = realisations.find(id);
        co_return found == realisations.end() ? std::nullopt : std::optional(found->second);
    }

    async::Task<Result<std::vector<daemon::BuildResult>>> build_paths(std::vector<daemon::DerivedPath> paths,
                                                                      daemon::BuildMode) override {
        co_return on_build(paths);
    }

    // What it is told to fetch, and to add: all pieces of that in one.
    std::vector<nix::StorePath> fetched;
    std::string added;
    async::Task<Result<void>> ensure_path(nix::StorePath path) override {
        fetched.push_back(path);
        co_return infos_.contains(path) ? done() : Result<void>(refused());
    }
    async::Task<Result<void>> add_objects(daemon::Payload payload) override {
        if (failure) co_return *failure;
        for (bool more = true; more;) {
            CO_TRY(piece, co_await payload());
            more = !piece.empty();
            added += piece;
        }
        co_return done();
    }

    // Nobody who is tested with it asks for these.
    async::Task<Result<void>> add_indirect_root(std::filesystem::path) override { co_return refused(); }
    async::Task<Result<daemon::Missing>> query_missing(std::vector<daemon::DerivedPath>,
                                                       std::chrono::milliseconds) override {
        co_return refused();
    }
    async::Task<Result<std::map<std::string, std::optional<nix::StorePath>>>>
    query_derivation_outputs(nix::StorePath) override {
        co_return refused();
    }
    async::Task<Result<std::vector<nix::StorePath>>> find_dead(std::vector<nix::StorePath>) override {
        co_return refused();
    }
    async::Task<Result<std::uint64_t>> delete_paths(std::vector<nix::StorePath>) override { co_return refused(); }

  private:
    std::optional<nix::PathInfo> find(const nix::StorePath& path) const {
        auto found = infos_.find(path);
        return found == infos_.end() ? std::nullopt : std::optional(found->second);
    }
    Result<void> done() const { return failure ? Result<void>(*failure) : Result<void>(); }
    static Failure refused() { return Failure(FailureKind::internal, "a table of paths does not do that"); }

    const Infos& infos_;
    daemon::LogSink sink_;
    std::string version_ = "2.30.1";
};

} // namespace cachefill::test
