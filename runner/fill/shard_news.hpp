#pragma once

#include "fill/run_context.hpp"
#include "shard/log_entry.hpp"
#include "shard/ownership.hpp"

#include <set>
#include <string>

namespace cachefill::fill {

// How builds of one of several shards ended, as far as the others were not told.
class ShardNews {
  public:
    // Both outlive this.
    ShardNews(const RunContext& run, const shard::Ownership& ownership) : run_(run), ownership_(ownership) {}

    bool has_failures() const;
    // False: there is more of it than one entry takes.
    bool put_into(shard::LogEntry& entry) const;
    // This entry has arrived.
    void told(const shard::LogEntry& entry);

  private:
    bool put_failed_into(shard::LogEntry& entry) const;
    bool put_done_into(shard::LogEntry& entry) const;

    const RunContext& run_;
    const shard::Ownership& ownership_;
    std::set<std::string> told_; // derivations
};

} // namespace cachefill::fill
