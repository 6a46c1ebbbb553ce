#pragma once

#include "async/child_process.hpp"

namespace cachefill::async {

// A git for the folder, the only way in which any is started (scripts/check-layers looks). Whoever filled the folder
// is not obeyed: a bare repository that lies there among the files counts only if it is named (--git-dir), and git
// starts no fsmonitor. It asks for no password, and is told none of our secrets.
ProcessSpec git_process(const std::filesystem::path& directory, std::vector<std::string> arguments,
                        const Environment& environment);

} // namespace cachefill::async
