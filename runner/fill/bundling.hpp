#pragma once

#include "async/task.hpp"
#include "fill/fleet.hpp"
#include "fill/push_side.hpp"
#include "fill/run_context.hpp"
#include "shard/bundle.hpp"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace cachefill::fill {

struct WrittenBundle {
    shard::BundleContents contents;
    std::uint64_t file_bytes = 0;
};

// What a plan hands to the machines that build it. Of a target that lacks nothing, only what its consumers need to
// know; of all others every derivation, with the sources of these.
class Bundling {
  public:
    Bundling(RunContext& run, const Fleet& fleet, const PushSide& pushes) : run_(run), fleet_(fleet), pushes_(pushes) {}

    async::Task<Result<WrittenBundle>> write(report::ShardPlan cut, std::filesystem::path file);

  private:
    shard::Bundle describe(report::ShardPlan cut) const;
    std::vector<nix::StorePath> roots(shard::Bundle& bundle) const;

    RunContext& run_;
    const Fleet& fleet_;
    const PushSide& pushes_;
};

} // namespace cachefill::fill
