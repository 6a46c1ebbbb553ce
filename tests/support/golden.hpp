#pragma once

#include "base/files.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace cachefill::test {

// A file below tests/golden; throws when it is not there.
inline std::string golden(const std::string& name) {
    return read_file(std::filesystem::path(CACHEFILL_GOLDEN) / name).value();
}

// The files with this extension in a directory below tests/golden, sorted.
inline std::vector<std::filesystem::path> golden_files(const std::string& directory, const std::string& extension) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(CACHEFILL_GOLDEN) / directory))
        if (entry.path().extension() == extension) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace cachefill::test
