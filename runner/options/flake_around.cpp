#include "options/flake_around.hpp"

#include "base/ownership.hpp"

#include <filesystem>
#include <sys/stat.h>

namespace cachefill::options {

namespace fs = std::filesystem;

namespace {

struct Found {
    std::string flake, why_not;
};

Found look_around(const std::string& flake, Neighbours neighbours) {
    std::error_code error;
    if (flake.empty() || !fs::is_directory(flake, error)) return {flake, {}};
    // As Nix, by the names on the way: a link to a folder elsewhere is looked for around the link itself.
    auto folder = fs::absolute(flake, error).lexically_normal();
    if (!folder.has_filename()) folder = folder.parent_path();
    struct stat at {};
    if (error || ::stat(folder.c_str(), &at) != 0) return {flake, {}};
    const auto device = at.st_dev;
    for (int up = 0; ::stat(folder.c_str(), &at) == 0 && at.st_dev == device; ++up) {
        if (fs::exists(folder / "flake.nix", error)) {
            if (up == 0) return {flake, {}};
            auto why = neighbours == Neighbours::may_be ? why_not_ours_alone(folder / "flake.nix") : std::string();
            return why.empty() ? Found{folder.string(), {}} : Found{flake, std::move(why)};
        }
        if (fs::exists(folder / ".git", error) || folder == folder.parent_path()) break;
        folder = folder.parent_path();
    }
    return {flake, {}};
}

} // namespace

std::string flake_around(const std::string& flake, Neighbours neighbours) {
    return look_around(flake, neighbours).flake;
}

std::string why_not_around(const std::string& flake, Neighbours neighbours) {
    return look_around(flake, neighbours).why_not;
}

} // namespace cachefill::options
