#pragma once

#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "cache/nar_look.hpp"
#include "nix/realisation.hpp"

#include <functional>
#include <map>
#include <random>
#include <set>

namespace cachefill::test {

// The narinfo of a path of which nothing else is known.
nix::NarInfo bare_narinfo(const nix::StorePath& path);

// A cache in memory that remembers what it was asked, fails when told to, and looks after the one rule: no narinfo
// before its references.
class MemoryCache : public cache::BinaryCache {
  public:
    enum class Step { begin, write, finish, publish };

    explicit MemoryCache(async::Executor executor) : executor_(executor) {
        uri_.name = "memory";
        info_.name = "memory";
        info_.permission = cache::Permission::write;
    }

    // What happens to a step; empty or no failure: it succeeds. May wait.
    std::function<async::Task<Result<void>>(Step, nix::StorePath)> script;
    // Called whenever something has become visible.
    std::function<void(const nix::StorePath&)> on_published;
    std::set<nix::StorePath> served_elsewhere;
    std::set<nix::StorePath> lost_archives; // their narinfos are still there
    // Throws bytes away: for measuring.
    bool keeps_bytes = true;
    // NAR and narinfo are one request.
    bool takes_both_at_once = false;
    bool publishes_by_upload() const override { return takes_both_at_once; }
    // How many turns of the loop a step takes, at most.
    unsigned longest_step = 3;

    struct Stored {
        nix::NarInfo info;
        std::string bytes; // compressed
    };
    std::map<nix::StorePath, Stored> visible;
    std::vector<std::pair<Step, nix::StorePath>> asked; // in order
    std::vector<nix::StorePath> published;              // in order
    std::vector<nix::StorePath> holes;                  // published although a reference was not served
    std::size_t open_uploads = 0, most_open_uploads = 0;
    std::size_t waiting = 0, most_waiting = 0; // finished, not published
    std::uint64_t bytes_held = 0, most_bytes_held = 0;
    std::uint64_t bytes_received = 0;
    std::size_t aborted = 0, forgotten = 0; // forgotten: destroyed neither published nor aborted
    std::size_t oversized_chunks = 0;       // larger than the budget they carry

    bool is_served(const nix::StorePath& path) const {
        return visible.count(path) > 0 || served_elsewhere.count(path) > 0;
    }
    // Somebody else published it.
    void put(const nix::StorePath& path);
    std::size_t times_asked(Step step, const nix::StorePath& path) const;

    async::Task<Result<cache::CacheInfo>> open() override { co_return info_; }
    const cache::CacheUri& uri() const override { return uri_; }
    async::Task<Result<std::vector<nix::StorePath>>> query_missing(std::vector<nix::StorePath> paths) override;
    async::Task<Result<std::optional<nix::NarInfo>>> get_narinfo(nix::StorePath path) override;
    async::Task<Result<cache::NarLook>> look_at_nar(nix::NarInfo info) override;
    async::Task<Result<cache::NarRemarks>> check_nar(nix::NarInfo info) override;
    async::Task<Result<std::unique_ptr<cache::Upload>>> begin_upload(cache::UploadRequest request) override;
    async::Task<Result<void>> pin(std::string name, nix::StorePath path, int keep) override;
    async::Task<Result<std::string>> read_nar(nix::NarInfo info) override {
        auto stored = visible.find(info.path);
        if (stored == visible.end() || info.compression != codec::Compression::none)
            co_return Failure(FailureKind::internal, "only what is not compressed is read from a cache in memory");
        co_return stored->second.bytes;
    }
    async::Task<Result<void>> set_name(std::string name, nix::StorePath path, int) override {
        names.insert_or_assign(std::move(name), std::move(path));
        co_return Result<void>();
    }
    async::Task<Result<std::optional<nix::StorePath>>> find_name(std::string name) override {
        auto found = names.find(name);
        co_return found == names.end() ? std::nullopt : std::optional(found->second);
    }
    std::map<std::string, nix::StorePath> names;

  private:
    class MemoryUpload;

    async::Task<Result<void>> take_step(Step step, nix::StorePath path);
    cache::PublishOutcome show(nix::NarInfo info, std::string bytes);

    async::Executor executor_;
    cache::CacheUri uri_;
    cache::CacheInfo info_;
    std::mt19937 random_{7}; // NOLINT(cert-msc51-cpp): repeatable on purpose
};

} // namespace cachefill::test
