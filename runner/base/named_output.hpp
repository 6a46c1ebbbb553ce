#pragma once

#include "base/result.hpp"

#include <chrono>
#include <filesystem>
#include <string_view>

namespace cachefill {

// Where `path` leads when its links have been followed; one of the system (/dev/stdout) stays as it is. A failure if it
// leads over a link that somebody else (neither this user nor root) made where everybody may write: what that leads to
// is theirs to choose.
Result<std::filesystem::path> follow_own_links(const std::filesystem::path& path);

// Puts `content` where a person said that it shall be. A plain file is replaced whole, what a link leads to and not the
// link; never half of it is there. A device, a pipe or one of this process's own descriptors (/dev/stdout, /dev/fd/3)
// is written to and stays what it is; a failure if nobody takes it for so long, and where follow_own_links() is one.
Result<void> write_named_file(const std::filesystem::path& path, std::string_view content,
                              std::chrono::milliseconds patience = std::chrono::minutes(1));

} // namespace cachefill
