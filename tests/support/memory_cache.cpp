#include "support/memory_cache.hpp"

#include "cache/nar_look.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace cachefill::test {

class MemoryCache::MemoryUpload final : public cache::Upload {
  public:
    MemoryUpload(MemoryCache& cache, cache::UploadRequest request)
        : cache_(cache), path_(std::move(request.path)), compression_(request.compression),
          mends_(request.mends.has_value()) {
        cache_.most_open_uploads = std::max(cache_.most_open_uploads, ++cache_.open_uploads);
    }
    ~MemoryUpload() override {
        release();
        leave_waiting();
        if (!over_) {
            --cache_.open_uploads;
            ++cache_.forgotten;
        }
    }

    async::Task<Result<void>> write(cache::Chunk chunk) override {
        if (chunk.bytes.size() > chunk.budget.units()) ++cache_.oversized_chunks;
        held_ = std::move(chunk);
        cache_.bytes_held += held_.bytes.size();
        cache_.bytes_received += held_.bytes.size();
        cache_.most_bytes_held = std::max(cache_.most_bytes_held, cache_.bytes_held);
        if (cache_.keeps_bytes) bytes_ += held_.bytes;
        size_ += held_.bytes.size();
        auto sent = co_await cache_.take_step(Step::write, path_);
        release();
        co_return sent;
    }

    async::Task<Result<void>> finish(codec::Hash file_hash, std::uint64_t file_size) override {
        if (file_size != size_) co_return Failure(FailureKind::protocol, "the sizes differ");
        if (cache_.keeps_bytes && codec::hash_bytes(codec::HashAlgorithm::sha256, bytes_) != file_hash)
            co_return Failure(FailureKind::protocol, "the hashes differ");
        CO_TRY_VOID(co_await cache_.take_step(Step::finish, path_));
        waits_ = true;
        cache_.most_waiting = std::max(cache_.most_waiting, ++cache_.waiting);
        co_return Result<void>();
    }

    async::Task<Result<cache::PublishOutcome>> publish(nix::NarInfo info) override {
        leave_waiting();
        CO_TRY_VOID(co_await cache_.take_step(Step::publish, path_));
        over_ = true;
        --cache_.open_uploads;
        info.compression = compression_;
        if (mends_) {
            cache_.lost_archives.erase(path_);
            co_return cache::PublishOutcome::published;
        }
        co_return cache_.show(std::move(info), std::move(bytes_));
    }

    async::Task<void> abort() override {
        release();
        leave_waiting();
        if (!std::exchange(over_, true)) {
            --cache_.open_uploads;
            ++cache_.aborted;
        }
        co_await boost::asio::post(cache_.executor_, async::use_task);
    }

    std::string nar_url() const override { return {}; }

  private:
    void release() {
        cache_.bytes_held -= held_.bytes.size();
        held_ = cache::Chunk();
    }
    void leave_waiting() {
        if (std::exchange(waits_, false)) --cache_.waiting;
    }

    MemoryCache& cache_;
    nix::StorePath path_;
    codec::Compression compression_;
    bool mends_;
    cache::Chunk held_;
    std::string bytes_;
    std::uint64_t size_ = 0;
    bool waits_ = false;
    bool over_ = false;
};

std::size_t MemoryCache::times_asked(Step step, const nix::StorePath& path) const {
    return static_cast<std::size_t>(std::count(asked.begin(), asked.end(), std::pair(step, path)));
}

nix::NarInfo bare_narinfo(const nix::StorePath& path) {
    return {.path = path,
            .url = {},
            .file_hash = {},
            .file_size = {},
            .nar_hash = {},
            .references = {},
            .deriver = {},
            .signatures = {},
            .content_address = {}};
}

void MemoryCache::put(const nix::StorePath& path) { visible.emplace(path, Stored{bare_narinfo(path), {}}); }

async::Task<Result<void>> MemoryCache::take_step(Step step, nix::StorePath path) {
    asked.emplace_back(step, path);
    auto turns = longest_step == 0 ? 0 : std::uniform_int_distribution<unsigned>(0, longest_step)(random_);
    for (unsigned i = 0; i < turns; ++i) co_await boost::asio::post(executor_, async::use_task);
    if (!script) co_return Result<void>();
    co_return co_await script(step, std::move(path));
}

cache::PublishOutcome MemoryCache::show(nix::NarInfo info, std::string bytes) {
    auto path = info.path;
    if (visible.count(path) > 0) return cache::PublishOutcome::already_there;
    bool is_closed = std::all_of(info.references.begin(), info.references.end(),
                                 [&](const auto& reference) { return reference == path || is_served(reference); });
    if (!is_closed) holes.push_back(path);
    visible.emplace(path, Stored{std::move(info), std::move(bytes)});
    published.push_back(path);
    if (on_published) on_published(path);
    return cache::PublishOutcome::published;
}

async::Task<Result<std::vector<nix::StorePath>>> MemoryCache::query_missing(std::vector<nix::StorePath> paths) {
    std::erase_if(paths, [&](const auto& path) { return visible.count(path) > 0; });
    co_return paths;
}

async::Task<Result<std::optional<nix::NarInfo>>> MemoryCache::get_narinfo(nix::StorePath path) {
    auto found = visible.find(path);
    if (found == visible.end()) co_return std::optional<nix::NarInfo>();
    co_return std::optional<nix::NarInfo>(found->second.info);
}

async::Task<Result<cache::NarLook>> MemoryCache::look_at_nar(nix::NarInfo info) {
    cache::NarLook look;
    if (visible.count(info.path) == 0 || lost_archives.count(info.path) > 0) {
        look.state = cache::NarState::gone;
        look.why = "its archive is gone";
    }
    co_return look;
}

async::Task<Result<cache::NarRemarks>> MemoryCache::check_nar(nix::NarInfo) { co_return cache::NarRemarks(); }

async::Task<Result<std::unique_ptr<cache::Upload>>> MemoryCache::begin_upload(cache::UploadRequest request) {
    CO_TRY_VOID(co_await take_step(Step::begin, request.path));
    std::unique_ptr<cache::Upload> upload = std::make_unique<MemoryUpload>(*this, std::move(request));
    co_return upload;
}

async::Task<Result<void>> MemoryCache::pin(std::string, nix::StorePath, int) { co_return Result<void>(); }

} // namespace cachefill::test
