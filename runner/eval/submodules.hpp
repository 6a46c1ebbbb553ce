#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::eval {

// Where the submodules of a git tree are fetched from, those of submodules too, as the .gitmodules in it say: addresses
// in full, a relative one ("../x.git") seen from `url`, that of the tree itself. flake.lock names none of them. A tree
// without .gitmodules has none; a failure where a file cannot be read, leads out of the tree, or names no address.
Result<std::vector<std::string>> submodule_urls(const std::filesystem::path& tree, const std::string& url);

} // namespace cachefill::eval
