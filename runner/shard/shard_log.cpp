#include "shard/shard_log.hpp"

#include "cache/document.hpp"

namespace cachefill::shard {

using async::Task;

ShardLog::ShardLog(cache::BinaryCache& cache, cache::CacheInfo info, std::vector<nix::PublicKey> keys, std::string run,
                   std::size_t self)
    : cache_(cache), info_(std::move(info)), keys_(std::move(keys)), run_(std::move(run)), self_(self) {}

nix::StorePath ShardLog::next(std::size_t shard) const {
    return entry_path(run_, shard, shard < next_.size() ? next_[shard] : 0);
}

Task<Result<ShardLog::Read>> ShardLog::read(std::size_t shard) {
    if (next_.size() <= shard) next_.resize(shard + 1);
    Read read;
    while (read.entries.size() < most_at_once) {
        std::string what = "what shard " + std::to_string(shard) + " says,";
        auto reading = cache::read_document(cache_, next(shard), keys_, std::move(what), LogEntry::largest);
        auto text = co_await std::move(reading);
        bool is_nonsense = !text && text.error().kind() == FailureKind::protocol;
        if (!text && !is_nonsense) co_return std::move(text).error();
        if (text && !*text) break;
        auto entry = text ? parse_log_entry(**text, run_, shard, next_[shard]) : std::move(text).error();
        ++next_[shard];
        if (entry)
            read.entries.push_back(std::move(*entry));
        else
            read.complaint = std::move(entry).error();
    }
    co_return read;
}

// Whoever is interrupted while it tells something does not know whether it was told.
Task<Result<void>> ShardLog::find_end() {
    for (;;) {
        CO_TRY(read, co_await this->read(self_));
        if (read.entries.empty() && !read.complaint) co_return Result<void>();
    }
}

Task<Result<void>> ShardLog::write(LogEntry entry) {
    if (next_.size() <= self_) next_.resize(self_ + 1);
    if (!is_end_known_) {
        CO_TRY_VOID(co_await find_end());
    }
    is_end_known_ = false; // until it is known to have arrived
    entry.run = run_;
    entry.shard = self_;
    entry.number = next_[self_];
    auto text = to_json(entry);
    std::string nothing;
    CO_TRY_VOID(
        co_await cache::publish_document(cache_, info_.preferred_compression, next(self_), std::move(nothing), text));
    ++next_[self_];
    is_end_known_ = true;
    co_return Result<void>();
}

} // namespace cachefill::shard
