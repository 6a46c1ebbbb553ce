#include "options/state_directory.hpp"

#include "base/files.hpp"

#include <cerrno>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cachefill::options {

namespace fs = std::filesystem;

namespace {

// By the user's number, as HOME does not say it. Service users have a home that is not there.
std::string home_of_user() {
    const auto* user = ::getpwuid(::geteuid());
    std::error_code ignored;
    if (!user || !user->pw_dir || fs::path(user->pw_dir) == "/" || !fs::is_directory(user->pw_dir, ignored)) return {};
    return ::access(user->pw_dir, W_OK) == 0 ? user->pw_dir : "";
}

Failure not_ours(const fs::path& directory, const std::string& why) {
    return Failure(FailureKind::machine, "the state directory " + directory.string() + " is not used: " + why +
                                             ", so what stands there may be somebody else's");
}

bool is_foreign(const struct stat& status) { return status.st_uid != ::geteuid() && status.st_uid != 0; }

std::string number_of_owner(const struct stat& status) {
    return "the user with the number " + std::to_string(status.st_uid);
}

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

// Others may have been able to write there before.
Result<void> check_entries(const fs::path& directory) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        struct stat status {};
        if (::lstat(entry->path().c_str(), &status) == 0 && is_foreign(status))
            return not_ours(directory, entry->path().string() + " in it belongs to " + number_of_owner(status));
    }
    return {};
}

// Nothing is made behind a link of somebody else, wherever on the way it stands: as root with a user's HOME, for one.
Result<void> check_links(const fs::path& directory) {
    std::error_code ignored;
    for (auto place = fs::absolute(directory, ignored); place.has_relative_path(); place = place.parent_path()) {
        struct stat link {};
        if (::lstat(place.c_str(), &link) == 0 && S_ISLNK(link.st_mode) && is_foreign(link))
            return not_ours(directory, place.string() + " is a link of " + number_of_owner(link));
    }
    return {};
}

} // namespace

fs::path state_directory_of(const Settings& settings, const Environment& environment) {
    if (!settings.state_directory.empty()) return settings.state_directory;
    auto given = environment.get_or("STATE_DIRECTORY"); // of a systemd unit; more than one are joined by ':'
    if (!given.empty()) return given.substr(0, given.find(':'));
    fs::path state = environment.get_or("XDG_STATE_HOME"); // a relative one does not count, as the specification has it
    if (state.is_absolute()) return state / "cachefill";
    auto home = environment.get_or("HOME");
    if (home.empty()) home = home_of_user();
    if (!home.empty()) return fs::path(home) / ".local/state/cachefill";
    return {};
}

Result<void> make_state_directory(const fs::path& directory) {
    TRY_VOID(check_links(directory));
    std::error_code ignored;
    bool is_new = !fs::exists(fs::symlink_status(directory, ignored));
    TRY_VOID(cachefill::create_directories(directory));
    if (is_new && ::chmod(directory.c_str(), S_IRWXU) != 0)
        return errno_failure("cannot set the rights of", directory, errno);
    struct stat link {
    }, status{}, parent{};
    if (::lstat(directory.c_str(), &link) != 0 || ::stat(directory.c_str(), &status) != 0)
        return errno_failure("cannot examine", directory, errno);
    auto above = directory.has_filename() ? directory.parent_path() : directory.parent_path().parent_path();
    bool others_write_above = ::stat(above.c_str(), &parent) == 0 && (parent.st_mode & S_IWOTH) != 0;
    if (S_ISLNK(link.st_mode) && others_write_above)
        return not_ours(directory, "it is a link that anybody could have made");
    if (is_foreign(status)) return not_ours(directory, "it belongs to " + number_of_owner(status));
    if ((status.st_mode & S_IWOTH) != 0) return not_ours(directory, "everybody may write to it");
    if ((status.st_mode & S_IWGRP) != 0 && is_group_of_others(status.st_gid))
        return not_ours(directory, "its group, " + std::to_string(status.st_gid) + ", may write to it");
    return check_entries(directory);
}

} // namespace cachefill::options
