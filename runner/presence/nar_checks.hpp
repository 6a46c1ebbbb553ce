#pragma once

#include "async/task.hpp"
#include "cache/binary_cache.hpp"
#include "cache/nar_look.hpp"

#include <map>
#include <string>
#include <vector>

namespace cachefill::presence {

// A path whose narinfo the cache serves, but whose archive nobody can use.
struct UnusableNar {
    nix::NarInfo info; // as it is served
    cache::NarState state;
    std::string why;
};

struct NarFindings {
    std::vector<UnusableNar> unusable; // by path
    // What Nix does not mind, and other clients may.
    std::map<cache::NarRemark, std::vector<nix::StorePath>> remarks;
};

// looking: nothing is downloaded, but for a few archives whose length is not the stated one.
enum class Depth { looking, downloading };

// Asks the cache whether the archives of these narinfos, which it serves, can be had by a Nix of that version ("2.8.0";
// empty: by any of today). Fails only if it cannot be asked.
async::Task<Result<NarFindings>> check_nars(async::Executor executor, cache::BinaryCache& cache,
                                            std::vector<nix::NarInfo> infos, Depth depth, std::string nix_version);

} // namespace cachefill::presence
