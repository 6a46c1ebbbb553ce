#include "base/own_place.hpp"

#include "base/files.hpp"

#include <algorithm>

namespace cachefill {

namespace fs = std::filesystem;

bool is_within(const fs::path& place, const fs::path& top) {
    auto relative = place.lexically_relative(top);
    return !relative.empty() && *relative.begin() != "..";
}

bool is_in_work_tree(const fs::path& place, const fs::path& top) {
    std::error_code error;
    auto real_top = fs::canonical(top, error);
    if (error) return false;
    auto real = fs::weakly_canonical(place, error);
    auto way = real.lexically_relative(real_top);
    if (error || !is_within(real, real_top) || std::find(way.begin(), way.end(), ".git") != way.end()) return false;
    // A link to what is not there would be followed by whoever makes it.
    for (; real != real_top; real = real.parent_path())
        if (fs::is_symlink(fs::symlink_status(real, error))) return false;
    return true;
}

Result<std::string> read_work_tree_file(const fs::path& file, const fs::path& top, std::uint64_t limit) {
    if (is_in_work_tree(file, top)) return read_file(file, limit);
    return Failure(FailureKind::usage, file.string() + " is a link to what is no file of the flake's repository")
        .with_hint("put the file itself there");
}

} // namespace cachefill
