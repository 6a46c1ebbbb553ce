#include "options/state_directory.hpp"

#include "base/files.hpp"
#include "base/ownership.hpp"

#include <cerrno>
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

// Others may have been able to write there before.
Result<void> check_entries(const fs::path& directory) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        struct stat status {};
        if (::lstat(entry->path().c_str(), &status) != 0) continue;
        if (is_foreign(status))
            return not_ours(directory, entry->path().string() + " in it belongs to " + owner_of(status));
        if (!S_ISLNK(status.st_mode) && (status.st_mode & S_IWOTH) != 0)
            return not_ours(directory, "everybody may write to " + entry->path().string() + " in it");
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

Result<void> make_state_directory(const fs::path& directory, bool in_step) {
    if (auto why = why_not_ours_alone(directory); !why.empty() && !in_step) return not_ours(directory, why);
    std::error_code ignored;
    bool is_new = !fs::exists(fs::symlink_status(directory, ignored));
    TRY_VOID(cachefill::create_directories(directory));
    if (is_new && ::chmod(directory.c_str(), S_IRWXU) != 0)
        return errno_failure("cannot set the rights of", directory, errno);
    if (auto why = why_not_ours_alone(directory); !why.empty() && !in_step) return not_ours(directory, why);
    return check_entries(directory);
}

} // namespace cachefill::options
