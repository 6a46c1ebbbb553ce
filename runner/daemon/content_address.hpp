#pragma once

#include "nix/path_info.hpp"

#include <filesystem>

namespace cachefill::daemon {

// Notes the content address that a path has although the store knows of none: `nix-store --import` and `--load-db`
// (with which disk images are filled) leave it out, and so does a cache that writes no CA line. The path tells, by the
// hash of its NAR, or, if it is a text that nobody signed, by the file itself, `object`. Without it such a path would
// look like one that came from nobody knows where.
void find_content_address(nix::PathInfo& info, const std::filesystem::path& object);

} // namespace cachefill::daemon
