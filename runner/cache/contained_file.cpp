#include "cache/contained_file.hpp"

#include "base/foreign_text.hpp"
#include "base/own_place.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cachefill::cache {

namespace fs = std::filesystem;

namespace {

bool is_below(const fs::path& root, const fs::path& place) { return place != root && is_within(place, root); }

Failure refused(const fs::path& place, const char* why) {
    return Failure(FailureKind::protocol, shown_name(place.string()) + why);
}

bool is_absence(const std::error_code& error) {
    return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

} // namespace

Result<std::optional<ContainedFile>> open_contained(const fs::path& root, const fs::path& place) {
    std::error_code error;
    auto real = fs::canonical(place, error);
    if (is_absence(error)) return std::optional<ContainedFile>();
    if (error) return errno_failure("cannot open", place, error.value());
    auto real_root = fs::canonical(root, error);
    if (error) return errno_failure("cannot look at", root, error.value());
    if (!is_below(real_root, real)) return refused(place, " is a link out of the cache's directory, and not read");
    // What is no file is not even opened; and nobody waits for a writer if it becomes a pipe just now.
    struct stat status {};
    bool is_file = ::lstat(real.c_str(), &status) == 0 && S_ISREG(status.st_mode);
    if (!is_file) return refused(place, " is no regular file, and not read");
    FileDescriptor file(::open(real.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
    if (!file.is_open()) return errno_failure("cannot open", place, errno);
    if (::fstat(file.get(), &status) != 0) return errno_failure("cannot look at", place, errno);
    if (!S_ISREG(status.st_mode)) return refused(place, " is no regular file, and not read");
    ContainedFile opened{.descriptor = std::move(file), .size = static_cast<std::uint64_t>(status.st_size)};
    return std::optional<ContainedFile>(std::move(opened));
}

Result<void> check_contained(const fs::path& root, const fs::path& place) {
    std::error_code error;
    auto real_root = fs::canonical(root, error);
    auto real = error ? fs::path() : fs::canonical(place, error);
    if (error) return errno_failure("cannot look at", place, error.value());
    if (is_below(real_root, real)) return {};
    return Failure(FailureKind::usage, shown_name(place.string()) + " is a link out of the cache's directory")
        .with_hint("what links lead out to is not read: put all of the cache there, and name it or link to it");
}

Result<std::optional<std::string>> read_contained(const fs::path& root, const fs::path& place, std::uint64_t limit) {
    TRY(opened, open_contained(root, place));
    if (!opened) return std::optional<std::string>();
    TRY(content, read_opened(opened->descriptor, place, limit));
    return std::optional<std::string>(std::move(content));
}

} // namespace cachefill::cache
