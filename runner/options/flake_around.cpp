#include "options/flake_around.hpp"

#include <filesystem>
#include <sys/stat.h>

namespace cachefill::options {

namespace fs = std::filesystem;

std::string flake_around(const std::string& flake) {
    std::error_code error;
    if (flake.empty() || !fs::is_directory(flake, error)) return flake;
    // As Nix, by the names on the way: a link to a folder elsewhere is looked for around the link itself.
    auto folder = fs::absolute(flake, error).lexically_normal();
    if (!folder.has_filename()) folder = folder.parent_path();
    struct stat at {};
    if (error || ::stat(folder.c_str(), &at) != 0) return flake;
    const auto device = at.st_dev;
    for (int up = 0; ::stat(folder.c_str(), &at) == 0 && at.st_dev == device; ++up) {
        if (fs::exists(folder / "flake.nix", error)) return up == 0 ? flake : folder.string();
        if (fs::exists(folder / ".git", error) || folder == folder.parent_path()) break;
        folder = folder.parent_path();
    }
    return flake;
}

} // namespace cachefill::options
