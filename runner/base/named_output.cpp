#include "base/named_output.hpp"

#include "base/files.hpp"
#include "base/ownership.hpp"
#include "base/units.hpp"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cachefill {

namespace fs = std::filesystem;

namespace {

Result<void> write_into(const fs::path& path, std::string_view content, std::chrono::milliseconds patience) {
    // Of a pipe that nobody reads this fails at once.
    FileDescriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file.is_open() && errno == ENXIO)
        return Failure(FailureKind::machine, "cannot write to " + path.string() + ": nobody reads from it");
    if (!file.is_open()) return errno_failure("cannot open", path, errno);
    while (!content.empty()) {
        struct pollfd output {
            .fd = file.get(), .events = POLLOUT, .revents = 0
        };
        auto ready = ::poll(&output, 1, static_cast<int>(patience.count()));
        if (ready == 0)
            return Failure(FailureKind::machine, path.string() + " took nothing for " + human_duration(patience));
        auto count = ready < 0 ? -1 : ::write(file.get(), content.data(), content.size());
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (count < 0) return errno_failure("cannot write", path, errno);
        content.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

bool is_of_the_system(const fs::path& path) {
    auto text = path.lexically_normal().string();
    return text.starts_with("/dev/") || text.starts_with("/proc/");
}

Failure not_followed(const fs::path& place, const struct stat& link) {
    return Failure(FailureKind::machine, "nothing is written to " + place.string() + ": it is a link of " +
                                             owner_of(link) + ", in a folder where everybody may write")
        .with_hint("name a folder of your own");
}

} // namespace

Result<fs::path> follow_own_links(const fs::path& path) {
    constexpr int most_links = 40; // as Linux has it
    std::error_code failed;
    // What is still to be walked, and where it begins.
    fs::path done = "/", rest = fs::absolute(path, failed).relative_path();
    for (int links = 0; !rest.empty() && links <= most_links;) {
        auto name = *rest.begin();
        fs::path behind;
        for (auto part = std::next(rest.begin()); part != rest.end(); ++part) behind /= *part;
        auto place = done / name;
        struct stat link {
        }, folder{};
        if (name == ".." || name == "." || ::lstat(place.c_str(), &link) != 0 || !S_ISLNK(link.st_mode)) {
            done = name == ".." ? done.parent_path() : name == "." ? done : place;
            rest = std::move(behind);
            continue;
        }
        bool is_shared = ::stat(done.c_str(), &folder) != 0 || (folder.st_mode & S_IWOTH) != 0;
        if (is_foreign(link) && is_shared) return not_followed(place, link);
        auto target = fs::read_symlink(place, failed);
        if (failed || is_of_the_system(place)) return behind.empty() ? place : place / behind; // "pipe:[7]" is no path
        if (target.is_absolute()) done = "/";
        rest = target.relative_path() / behind;
        ++links;
    }
    return rest.empty() ? done : path;
}

Result<void> write_named_file(const fs::path& path, std::string_view content, std::chrono::milliseconds patience) {
    TRY(target, follow_own_links(path));
    struct stat info {};
    if (::stat(target.c_str(), &info) != 0) return write_file_atomically(target, content);
    if (!S_ISREG(info.st_mode) || is_of_the_system(target)) return write_into(target, content, patience);
    return write_file_atomically(target, content);
}

} // namespace cachefill
