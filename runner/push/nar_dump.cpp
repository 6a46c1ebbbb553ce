#include "push/nar_dump.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace cachefill::push {

namespace {

constexpr std::string_view case_hack_suffix = "~nix~case~hack~";
constexpr std::size_t longest_target = 4095;

// A cold disk answers one reader slowly and hundreds of announced ones fast: 4 to 6 times for small files. The kernel's
// own read-ahead looks after what follows the beginning of a large file.
constexpr std::size_t files_ahead = 256;
constexpr off_t bytes_ahead = 1 << 20;

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

} // namespace

NarDump::NarDump(std::filesystem::path root, CaseHack case_hack) : root_(std::move(root)), case_hack_(case_hack) {}

Result<std::size_t> NarDump::read(std::span<char> buffer) {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
        auto room = buffer.subspan(filled);
        if (framing_read_ < framing_.size()) {
            auto count = std::min(room.size(), framing_.size() - framing_read_);
            std::memcpy(room.data(), framing_.data() + framing_read_, count);
            framing_read_ += count;
            filled += count;
        } else if (file_.is_open()) {
            framing_.clear();
            framing_read_ = 0;
            TRY(count, read_content(room));
            filled += count;
        } else if (ended_) {
            break;
        } else {
            framing_.clear();
            framing_read_ = 0;
            TRY_VOID(step());
        }
    }
    return filled;
}

// Writes what comes before, between or after contents, up to the next file or to the end.
Result<void> NarDump::step() {
    if (!begun_) {
        begun_ = true;
        writer_.begin_archive(framing_);
        return begin_node(AT_FDCWD, root_);
    }
    auto& directory = directories_.back();
    if (directory.next == directory.entries.size()) {
        writer_.end_directory(framing_);
        directories_.pop_back();
        end_node();
        return {};
    }
    prefetch(directory);
    const auto& entry = directory.entries[directory.next++];
    writer_.begin_entry(entry.nar_name(), framing_);
    return begin_node(directory.fd.get(), entry.name);
}

Result<void> NarDump::begin_node(int parent, const std::string& name) {
    if (directories_.size() >= nix::nar_depth_limit)
        return damaged("nests deeper than " + std::to_string(nix::nar_depth_limit) + " levels");
    // O_NONBLOCK: a pipe must be refused, not waited for.
    FileDescriptor file(::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file.is_open()) {
        if (errno == ELOOP) return write_symlink(parent, name);
        if (errno == ENXIO) return damaged("is neither a file, a directory nor a symlink"); // a socket
        return unreadable("cannot open", errno);
    }
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return unreadable("cannot look at", errno);
    if (S_ISREG(info.st_mode))
        return begin_file(std::move(file), static_cast<std::uint64_t>(info.st_size), info.st_mode & S_IXUSR);
    if (S_ISDIR(info.st_mode)) return begin_directory(std::move(file));
    return damaged("is neither a file, a directory nor a symlink");
}

Result<void> NarDump::begin_file(FileDescriptor file, std::uint64_t size, bool executable) {
    writer_.begin_file(executable, size, framing_);
    file_ = std::move(file);
    file_size_ = file_left_ = size;
    return {};
}

Result<std::size_t> NarDump::read_content(std::span<char> buffer) {
    if (file_left_ == 0) {
        TRY_VOID(end_content());
        return std::size_t{0};
    }
    auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), file_left_));
    for (;;) {
        auto count = ::read(file_.get(), buffer.data(), wanted);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return unreadable("cannot read", errno);
        if (count == 0)
            return damaged("became shorter than " + std::to_string(file_size_) + " bytes while it was read");
        file_left_ -= static_cast<std::uint64_t>(count);
        return static_cast<std::size_t>(count);
    }
}

Result<void> NarDump::end_content() {
    struct stat info {};
    if (::fstat(file_.get(), &info) != 0) return unreadable("cannot look at", errno);
    if (static_cast<std::uint64_t>(info.st_size) != file_size_)
        return damaged("had " + std::to_string(file_size_) + " bytes and has " + std::to_string(info.st_size) +
                       " after it was read");
    file_.close();
    writer_.end_file(file_size_, framing_);
    end_node();
    return {};
}

Result<void> NarDump::write_symlink(int parent, const std::string& name) {
    std::array<char, longest_target + 1> target{};
    auto length = ::readlinkat(parent, name.c_str(), target.data(), target.size());
    if (length < 0) return unreadable("cannot read the symlink", errno);
    if (static_cast<std::size_t>(length) > longest_target) return damaged("is a symlink with too long a target");
    writer_.symlink({target.data(), static_cast<std::size_t>(length)}, framing_);
    end_node();
    return {};
}

Result<void> NarDump::begin_directory(FileDescriptor fd) {
    // fdopendir() takes the descriptor that it is given, and this one is still needed for openat().
    FileDescriptor copy(::openat(fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!copy.is_open()) return unreadable("cannot open", errno);
    std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(copy.get()));
    if (!stream) return unreadable("cannot open", errno);
    copy.release();

    Directory directory;
    directory.fd = std::move(fd);
    for (;;) {
        errno = 0;
        const auto* found = ::readdir(stream.get());
        if (!found) break;
        std::string name(found->d_name);
        if (name == "." || name == "..") continue;
        auto length = name.size();
        if (case_hack_ == CaseHack::strip) length = std::min(length, name.find(case_hack_suffix));
        directory.entries.push_back({std::move(name), length, found->d_type});
    }
    if (errno != 0) return unreadable("cannot list", errno);
    // std::string_view compares as unsigned bytes, which is the NAR's order.
    auto& entries = directory.entries;
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return a.nar_name() < b.nar_name(); });
    auto same = std::adjacent_find(entries.begin(), entries.end(),
                                   [](const Entry& a, const Entry& b) { return a.nar_name() == b.nar_name(); });
    if (same != entries.end()) return damaged("has two entries that both mean '" + std::string(same->nar_name()) + "'");
    writer_.begin_directory(framing_);
    directories_.push_back(std::move(directory));
    return {};
}

void NarDump::end_node() {
    if (directories_.empty())
        ended_ = true;
    else
        writer_.end_entry(framing_);
}

void NarDump::prefetch(Directory& directory) {
#ifdef POSIX_FADV_WILLNEED
    // In batches, so that the disk has much to choose from at any moment; a lone file gains nothing.
    if (directory.prefetched > directory.next + files_ahead / 2 || directory.entries.size() < 2) return;
    auto end = std::min(directory.entries.size(), directory.next + files_ahead);
    for (auto i = std::max(directory.prefetched, directory.next); i < end; ++i) {
        const auto& entry = directory.entries[i];
        if (entry.type != DT_REG) continue;
        FileDescriptor file(
            ::openat(directory.fd.get(), entry.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (file.is_open()) ::posix_fadvise(file.get(), 0, bytes_ahead, POSIX_FADV_WILLNEED);
    }
    directory.prefetched = end;
#else
    (void)directory;
#endif
}

// The file or directory at which the dump is.
std::filesystem::path NarDump::where() const {
    auto path = root_;
    for (const auto& directory : directories_)
        if (directory.next > 0) path /= directory.entries[directory.next - 1].name;
    return path;
}

Failure NarDump::damaged(const std::string& what) const {
    return Failure(FailureKind::store, sanitize(where().string()) + " " + what);
}

Failure NarDump::unreadable(std::string_view doing, int error) const {
    auto path = sanitize(where().string());
    if (error == ENOENT || error == ENOTDIR) return Failure(FailureKind::store, path + " is missing");
    return errno_failure(doing, path, error);
}

} // namespace cachefill::push
