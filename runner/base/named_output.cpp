#include "base/named_output.hpp"

#include "base/files.hpp"
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

} // namespace

Result<void> write_named_file(const fs::path& path, std::string_view content, std::chrono::milliseconds patience) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return write_file_atomically(path, content);
    if (!S_ISREG(info.st_mode) || is_of_the_system(path)) return write_into(path, content, patience);
    std::error_code error;
    auto target = fs::canonical(path, error);
    return write_file_atomically(error ? path : target, content);
}

} // namespace cachefill
