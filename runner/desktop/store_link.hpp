#pragma once

#include "base/result.hpp"
#include "nix/store_path.hpp"

#include <filesystem>

namespace cachefill::desktop {

// The store path that a file name leads to (a store path, ./result, a profile, something below one of these). Links are
// followed one by one until one leads into the store, as Nix does it: a link in the store is meant itself, not what it
// points to. With a store below another `root` (else empty) links name places below it as if it were "/". A usage
// failure if there is nothing, or nothing of the store.
Result<nix::StorePath> store_path_at(const std::filesystem::path& name, const std::filesystem::path& root);

} // namespace cachefill::desktop
