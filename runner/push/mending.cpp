#include "push/mending.hpp"

#include "async/together.hpp"
#include "cache/cache_uri.hpp"
#include "cache/narinfo_record.hpp"
#include "push/path_rules.hpp"
#include "push/transfer.hpp"

namespace cachefill::push {

using async::Task;

namespace {

// What Nix takes by default; with luck the archive becomes the very one that was there.
constexpr int usual_xz_level = 6;

struct Work {
    Work(async::Executor executor, cache::BinaryCache& c, async::WorkerPool& w, PushSettings s, PushEnvironment e)
        : cache(c), workers(w), settings(std::move(s)), environment(std::move(e)),
          places(executor, std::max<std::size_t>(settings.uploads, 1)),
          memory(executor, std::max<std::uint64_t>(settings.memory_budget, 1)) {}
    cache::BinaryCache& cache;
    async::WorkerPool& workers;
    PushSettings settings;
    PushEnvironment environment;
    async::Limiter places;
    async::Limiter memory;
};

codec::CompressionSettings compression_for(const nix::NarInfo& broken, const PushSettings& settings) {
    codec::CompressionSettings compression;
    compression.method = broken.compression;
    compression.level = settings.compression_level;
    if (compression.method == codec::Compression::xz) compression.level = usual_xz_level;
    if (codec::make_compressor(compression)) return compression;
    compression.method = settings.compression;
    compression.level = settings.compression_level;
    return compression;
}

PackRequest pack_request(const Work& work, const nix::NarInfo& broken) {
    PackRequest request;
    request.root = work.environment.physical(broken.path);
    request.nar_hash = broken.nar_hash;
    request.nar_size = broken.nar_size;
    request.compression = compression_for(broken, work.settings);
    request.part_size = part_size_for(broken.nar_size, work.settings);
    return request;
}

Task<Result<void>> upload(Work& work, Transfer& transfer, nix::NarInfo broken) {
    CO_TRY_VOID(co_await pack_and_upload(transfer, work.cache, work.workers, work.memory));
    auto published = co_await transfer.upload->publish(std::move(broken));
    if (!published) co_return std::move(published).error();
    co_return Result<void>();
}

// An upload must not be destroyed in the middle of something, also when we are cancelled.
Task<Result<void>> send(Work& work, Transfer& transfer, nix::NarInfo broken) {
    std::optional<Result<void>> sent;
    std::exception_ptr cancelled;
    try {
        sent.emplace(co_await upload(work, transfer, std::move(broken)));
    } catch (...) { // rethrown once it is cleared up
        cancelled = std::current_exception();
    }
    if (sent && *sent) co_return std::move(*sent);
    co_await async::asio::this_coro::throw_if_cancelled(false);
    if (transfer.upload) co_await transfer.upload->abort();
    if (cancelled) std::rethrow_exception(cancelled);
    co_return std::move(*sent);
}

Task<void> mend(Work& work, nix::NarInfo broken, std::optional<nix::PathInfo> local, MendRecord& record) {
    auto place = co_await work.places.acquire();
    if (!local) co_return;
    record.outcome = Mending::failed;
    record.failure = cache::cannot_mend(broken, local->nar_hash, work.cache.uri().name);
    if (record.failure) co_return;
    Transfer transfer{.path = broken.path,
                      .request = pack_request(work, broken),
                      .on_progress = [](std::uint64_t) {},
                      .mends = broken,
                      .upload = {},
                      .file_hash = {}};
    auto sent = co_await send(work, transfer, std::move(broken));
    if (sent) {
        record.outcome = Mending::mended;
        record.file_size = transfer.file_size;
        co_return;
    }
    record.failure = std::move(sent).error().with_context("mending the archive of " + record.path.to_string());
}

} // namespace

Task<std::vector<MendRecord>> mend_archives(async::Executor executor, cache::BinaryCache& cache,
                                            async::WorkerPool& workers, std::vector<nix::NarInfo> broken,
                                            PushSettings settings, PushEnvironment environment) {
    std::vector<MendRecord> records;
    std::vector<nix::StorePath> paths;
    for (const auto& info : broken) {
        MendRecord record{.path = info.path, .outcome = Mending::not_here, .failure = {}};
        records.push_back(std::move(record));
        paths.push_back(info.path);
    }
    Work work(executor, cache, workers, std::move(settings), std::move(environment));
    auto infos = co_await work.environment.path_infos(std::move(paths));
    if (!infos) {
        for (auto& record : records) {
            record.outcome = Mending::failed;
            record.failure = infos.error();
        }
        co_return records;
    }
    auto mend_all = [&](async::TaskGroup& group) {
        for (std::size_t i = 0; i < broken.size(); ++i)
            group.spawn(mend(work, std::move(broken[i]), std::move(infos->at(i)), records[i]));
    };
    co_await async::together(mend_all);
    co_return records;
}

} // namespace cachefill::push
