#pragma once

#include "base/result.hpp"

#include <chrono>
#include <filesystem>
#include <string_view>

namespace cachefill {

// Puts `content` where a person said that it shall be. A plain file is replaced whole, what a link leads to and not the
// link; never half of it is there. A device, a pipe or one of this process's own descriptors (/dev/stdout, /dev/fd/3)
// is written to and stays what it is; a failure if nobody takes it for so long.
Result<void> write_named_file(const std::filesystem::path& path, std::string_view content,
                              std::chrono::milliseconds patience = std::chrono::minutes(1));

} // namespace cachefill
