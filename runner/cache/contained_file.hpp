#pragma once

#include "base/files.hpp"

#include <optional>

namespace cachefill::cache {

struct ContainedFile {
    FileDescriptor descriptor;
    std::uint64_t size = 0;
};

// Opens `place` for reading if it is a regular file below `root` (which may be a link itself) after all links have been
// followed: whoever may write to a directory must not have us read what else this user may read, or wait at a pipe.
// Empty if there is none; a protocol failure if it is something else. Blocks.
Result<std::optional<ContainedFile>> open_contained(const std::filesystem::path& root,
                                                    const std::filesystem::path& place);

// A usage failure if the directory `place`, which is there, lies elsewhere: what is put there could not be read again.
Result<void> check_contained(const std::filesystem::path& root, const std::filesystem::path& place);

// All of it, unless it is longer than `limit`.
Result<std::optional<std::string>> read_contained(const std::filesystem::path& root, const std::filesystem::path& place,
                                                  std::uint64_t limit);

} // namespace cachefill::cache
