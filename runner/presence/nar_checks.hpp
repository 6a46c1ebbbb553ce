#pragma once

#include "async/task.hpp"
#include "cache/binary_cache.hpp"

#include <string>
#include <vector>

namespace cachefill::presence {

// A path whose narinfo the cache serves, but whose archive nobody can use.
struct UnusableNar {
    nix::StorePath path;
    std::string why;
};

// Asks the cache afresh whether it serves the archives of these paths, with the sizes it states; `deep` downloads and
// hashes them. Paths without a narinfo are passed over. Fails only if the cache cannot be asked.
async::Task<Result<std::vector<UnusableNar>>> check_nars(async::Executor executor, cache::BinaryCache& cache,
                                                         std::vector<nix::StorePath> paths, bool deep);

} // namespace cachefill::presence
