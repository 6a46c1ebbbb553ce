#pragma once

#include "nix/store_path.hpp"

#include <filesystem>
#include <functional>
#include <vector>

namespace cachefill::desktop {

// The outputs of `derivation` and of every derivation below it, as far as their files are still in the store and their
// paths are known before building: what was, or could have been, built for it. Reads files; for a worker thread.
std::vector<nix::StorePath>
outputs_built_for(const nix::StorePath& derivation,
                  const std::function<std::filesystem::path(const nix::StorePath&)>& physical);

} // namespace cachefill::desktop
