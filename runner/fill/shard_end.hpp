#pragma once

#include "fill/run_context.hpp"
#include "plan/plan.hpp"
#include "shard/shard_log.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::fill {

// What makes a run the one that comes after all shards: it knows what failed on them, and does not try that again,
// builds what those that were lost have left, and names them. What they built, and in which time, it keeps for the
// next.
class ShardEnd {
  public:
    // `run_ids`: of the attempts at this run of shards, the last one first. There are so many shards.
    ShardEnd(RunContext& run, std::vector<std::string> run_ids, std::size_t shards);

    // Reads what the shards said. Whatever cannot be read costs only time.
    async::Task<void> learn();

    report::ShardReport report() const;

  private:
    enum class Heard { nothing, beginning, end };

    async::Task<Result<Heard>> read(const std::string& run_id, std::size_t shard);
    void note_done(const shard::DoneBuild& build);
    void note_given(std::size_t from, const shard::GivenBuilds& given);
    async::Task<void> read_attempts(std::size_t shard, Heard& heard, std::optional<Failure>& failure);
    async::Task<Result<void>> read_all();

    RunContext& run_;
    std::vector<std::string> run_ids_;
    std::size_t shards_;
    std::map<nix::StorePath, plan::FailedElsewhere> failed_; // derivations
    std::vector<std::size_t> silent_;
    std::vector<report::ShardReport::Given> given_;
};

} // namespace cachefill::fill
