#include "base/files.hpp"

#include "base/text.hpp"
#include "base/units.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace cachefill {

namespace fs = std::filesystem;

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = other.release();
    }
    return *this;
}

int FileDescriptor::release() { return std::exchange(fd_, -1); }

void FileDescriptor::close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Failure errno_failure(std::string_view doing, const fs::path& path, int error) {
    // An address, given where a file was meant, may hold a login.
    auto name = path.string();
    if (name.find("://") != name.npos) name = redact_url(name);
    Failure failure(FailureKind::machine,
                    std::string(doing) + " " + name + ": " + std::generic_category().message(error));
    if (error == ENOSPC || error == EDQUOT)
        return std::move(failure).with_hint("free some space on the file system of " + name + " and run again");
    if (error == EACCES || error == EPERM || error == EROFS)
        return std::move(failure).with_hint("check who owns it and whether this user may use it");
    return failure;
}

Result<std::string> read_opened(const FileDescriptor& file, const fs::path& path, std::uint64_t limit,
                                std::chrono::milliseconds patience) {
    std::string content;
    std::string buffer(64 * 1024, '\0');
    for (;;) {
        struct pollfd input {
            .fd = file.get(), .events = POLLIN, .revents = 0
        };
        auto ready = ::poll(&input, 1, static_cast<int>(patience.count())); // of a plain file: at once
        if (ready == 0)
            return Failure(FailureKind::machine,
                           "nothing came from " + path.string() + " for " + human_duration(patience));
        auto count = ready < 0 ? -1 : ::read(file.get(), buffer.data(), buffer.size());
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (count < 0) return errno_failure("cannot read", path, errno);
        if (count == 0) return content;
        content.append(buffer, 0, static_cast<std::size_t>(count));
        if (content.size() > limit)
            return Failure(FailureKind::machine, path.string() + " is larger than " + human_bytes(limit));
    }
}

Result<std::string> read_file(const fs::path& path, std::uint64_t limit) {
    // A pipe is not waited for, and no terminal becomes ours.
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file.is_open()) return errno_failure("cannot open", path, errno);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return errno_failure("cannot read", path, errno);
    if (S_ISDIR(info.st_mode)) return errno_failure("cannot read", path, EISDIR);
    if (!S_ISREG(info.st_mode))
        return Failure(FailureKind::machine, path.string() + " is no plain file, but a pipe, a device or the like");
    if (static_cast<std::uint64_t>(info.st_size) > limit)
        return Failure(FailureKind::machine, path.string() + " is larger than " + human_bytes(limit));
    return read_opened(file, path, limit);
}

Result<std::string> read_stream(const fs::path& path, std::uint64_t limit, std::chrono::milliseconds patience) {
    // Whoever shall write to a pipe may come later; he is waited for, but not here.
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file.is_open()) return errno_failure("cannot open", path, errno);
    return read_opened(file, path, limit, patience);
}

Result<void> write_file_atomically(const fs::path& path, std::string_view content, unsigned mode) {
    static std::atomic<unsigned> counter{0};
    fs::path temporary = path;
    temporary += ".tmp." + std::to_string(::getpid()) + "." + std::to_string(counter++);
    auto discard = [&](Failure failure) {
        ::unlink(temporary.c_str());
        return failure;
    };
    FileDescriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!file.is_open()) return errno_failure("cannot create", temporary, errno);
    while (!content.empty()) {
        auto count = ::write(file.get(), content.data(), content.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return discard(errno_failure("cannot write", temporary, errno));
        content.remove_prefix(static_cast<std::size_t>(count));
    }
    if (::fsync(file.get()) != 0) return discard(errno_failure("cannot flush", temporary, errno));
    file.close();
    if (::rename(temporary.c_str(), path.c_str()) != 0) return discard(errno_failure("cannot rename to", path, errno));
    return {};
}

Result<void> create_directories(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) return errno_failure("cannot create the directory", path, error.value());
    return {};
}

Result<DiskSpace> disk_space(const fs::path& path) {
    struct statvfs info {};
    if (::statvfs(path.c_str(), &info) != 0) return errno_failure("cannot ask for the free space of", path, errno);
    return DiskSpace{.free_bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize,
                     .total_bytes = static_cast<std::uint64_t>(info.f_blocks) * info.f_frsize};
}

Result<TemporaryDirectory> TemporaryDirectory::make(std::string_view prefix, fs::path parent) {
    if (parent.empty()) {
        std::error_code error;
        parent = fs::temp_directory_path(error);
        if (error) parent = "/tmp";
    }
    auto pattern = (parent / (std::string(prefix) + ".XXXXXX")).string();
    if (!::mkdtemp(pattern.data())) return errno_failure("cannot create a temporary directory in", parent, errno);
    return TemporaryDirectory(pattern);
}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
    if (this != &other) {
        remove();
        path_ = std::exchange(other.path_, {});
    }
    return *this;
}

void TemporaryDirectory::remove() {
    if (path_.empty()) return;
    std::error_code ignored; // what cannot be removed stays behind in the temp directory; nobody depends on it
    fs::remove_all(path_, ignored);
    path_.clear();
}

} // namespace cachefill
