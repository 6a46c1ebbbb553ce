#pragma once

#include "nix/narinfo.hpp"
#include "push/pipeline.hpp"

namespace cachefill::push {

enum class Mending { mended, not_here, failed };

struct MendRecord {
    nix::StorePath path;
    Mending outcome;
    std::uint64_t file_size = 0;    // of the archive that was uploaded
    std::optional<Failure> failure; // why it failed
};

// Puts archives in the place of those that cannot be had any more, for narinfos of `cache` that stand: of what this
// machine's store has as the narinfo states it. Of `environment` it takes where files are and what the store knows of
// them. In the order given.
async::Task<std::vector<MendRecord>> mend_archives(async::Executor executor, cache::BinaryCache& cache,
                                                   async::WorkerPool& workers, std::vector<nix::NarInfo> broken,
                                                   PushSettings settings, PushEnvironment environment);

} // namespace cachefill::push
