#pragma once

#include "cache/binary_cache.hpp"
#include "shard/log_entry.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cachefill::shard {

// Reads the logs of the other shards, and writes that of this one, in the own cache. Everything here may fail for as
// long as the cache is away; nothing that was read or is to be told is lost by that.
class ShardLog {
  public:
    // `cache` outlives it. `keys`: those that the cache's own narinfos are judged by.
    ShardLog(cache::BinaryCache& cache, cache::CacheInfo info, std::vector<nix::PublicKey> keys, std::string run,
             std::size_t self);

    // Where the next entry of this shard will be.
    nix::StorePath next(std::size_t shard) const;
    // All entries of this shard that are there and were not read before, in their order; at most `most_at_once`.
    // What is there and is no entry, or is not signed, is passed over, and `complaint` says so.
    static constexpr std::size_t most_at_once = 100;
    struct Read {
        std::vector<LogEntry> entries;
        std::optional<Failure> complaint;
    };
    async::Task<Result<Read>> read(std::size_t shard);
    // Tells it, after what an earlier attempt of the same run has told. What could not be told is to be told again.
    // Run, shard and number are filled in here.
    async::Task<Result<void>> write(LogEntry entry);

  private:
    async::Task<Result<void>> find_end();

    cache::BinaryCache& cache_;
    cache::CacheInfo info_;
    std::vector<nix::PublicKey> keys_;
    std::string run_;
    std::size_t self_;
    std::vector<std::uint64_t> next_; // by shard, as far as it was asked for
    bool is_end_known_ = false;       // of this shard's log
};

} // namespace cachefill::shard
