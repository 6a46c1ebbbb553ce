#include "base/ownership.hpp"

#include "base/files.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <deque>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace cachefill {

namespace fs = std::filesystem;

namespace {

constexpr int most_links = 40; // as the kernel follows

// A group of its owner alone, as most distributions make one for each user; and root's.
bool is_group_of_others(::gid_t group) {
    if (group == 0) return false;
    const auto* user = ::getpwuid(::geteuid());
    const std::string name = user && user->pw_name ? user->pw_name : "";
    const auto* entry = ::getgrgid(group);
    if (name.empty() || !entry || entry->gr_name != name) return true;
    for (auto** member = entry->gr_mem; member && *member; ++member)
        if (*member != name) return true;
    return false;
}

// The number that the kernel shows for whoever has none here, root for instance; of no meaning where everybody has one.
bool is_root_without_number(::uid_t user) {
    auto map = read_file("/proc/self/uid_map", 1 << 16);
    auto overflow = read_file("/proc/sys/kernel/overflowuid", 64);
    if (!map || !overflow) return false;
    auto words = split_words(*map);
    bool is_whole = words.size() == 3 && words[0] == "0" && words[1] == "0" && words[2] == "4294967295";
    return !is_whole && trim(*overflow) == std::to_string(user);
}

std::string why_writable(const fs::path& place, const struct stat& status) {
    if (is_foreign(status)) return place.string() + " belongs to " + owner_of(status);
    if ((status.st_mode & S_IWOTH) != 0) return "everybody may write to " + place.string();
    if ((status.st_mode & S_IWGRP) != 0 && is_group_of_others(status.st_gid))
        return "the group " + std::to_string(status.st_gid) + " may write to " + place.string();
    return {};
}

} // namespace

bool is_foreign(const struct stat& status) {
    return status.st_uid != ::geteuid() && status.st_uid != 0 && !is_root_without_number(status.st_uid);
}

std::string owner_of(const struct stat& status) { return "the user with the number " + std::to_string(status.st_uid); }

std::string why_not_ours_alone(const fs::path& place) {
    std::error_code error;
    std::deque<fs::path> left; // names still to be followed
    auto follow_first = [&left](const fs::path& way) {
        auto names = way.relative_path();
        left.insert(left.begin(), names.begin(), names.end());
        std::erase_if(left, [](const auto& name) { return name.empty() || name == "."; });
    };
    follow_first(fs::absolute(place, error));
    fs::path done = "/";
    for (int links = 0;;) {
        struct stat status {};
        if (::stat(done.c_str(), &status) != 0) return {};
        // What is below cannot be taken away there, and is looked at itself.
        bool keeps = (status.st_mode & S_ISVTX) != 0 && !left.empty() && !is_foreign(status);
        auto why = keeps ? std::string() : why_writable(done, status);
        if (!why.empty() || left.empty()) return why;
        auto name = std::move(left.front());
        left.pop_front();
        auto next = done / name;
        struct stat entry {};
        if (::lstat(next.c_str(), &entry) != 0) return {}; // not there yet
        if (!S_ISLNK(entry.st_mode)) {
            done = name == ".." ? done.parent_path() : std::move(next);
            continue;
        }
        if (is_foreign(entry)) return next.string() + " is a link of " + owner_of(entry);
        auto target = fs::read_symlink(next, error);
        if (error || ++links > most_links) return {}; // leads nowhere
        if (target.is_absolute()) done = "/";
        follow_first(target);
    }
}

} // namespace cachefill
