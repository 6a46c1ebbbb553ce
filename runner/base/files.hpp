#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace cachefill {

// Owns one file descriptor; closes it once.
class FileDescriptor {
  public:
    FileDescriptor() = default;
    explicit FileDescriptor(int fd) : fd_(fd) {}
    FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept;
    ~FileDescriptor() { close(); }

    int get() const { return fd_; }
    bool is_open() const { return fd_ >= 0; }
    int release();
    void close();

  private:
    int fd_ = -1;
};

// errno as a Failure of kind machine: "cannot open /x: Permission denied". "No space left" gets its hint.
Failure errno_failure(std::string_view doing, const std::filesystem::path& path, int error);

// A whole file; one longer than `limit` is a failure, so that nobody reads a log into memory. So is a pipe, a terminal
// or a device: whoever put it where a file belongs would have us wait for ever.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit = 256ULL << 20);
// The same of what a person named by hand, which may be a pipe: "<(command)", /dev/stdin. A failure if nothing comes
// for so long.
Result<std::string> read_stream(const std::filesystem::path& path, std::uint64_t limit = 256ULL << 20,
                                std::chrono::milliseconds patience = std::chrono::minutes(1));
// The same of what is open already; `path` is its name in failures.
Result<std::string> read_opened(const FileDescriptor& file, const std::filesystem::path& path, std::uint64_t limit,
                                std::chrono::milliseconds patience = std::chrono::minutes(1));

// Written beside its place, flushed to disk and renamed: afterwards there is the old content or the new, never half.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644);

Result<void> create_directories(const std::filesystem::path& path);

struct DiskSpace {
    std::uint64_t free_bytes; // what an ordinary user may still write
    std::uint64_t total_bytes;
};
Result<DiskSpace> disk_space(const std::filesystem::path& path);

// A directory of our own below the system's temp directory (or `parent`), removed with everything in it.
class TemporaryDirectory {
  public:
    static Result<TemporaryDirectory> make(std::string_view prefix, std::filesystem::path parent = {});
    TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
    ~TemporaryDirectory() { remove(); }

    const std::filesystem::path& path() const { return path_; }

  private:
    explicit TemporaryDirectory(std::filesystem::path path) : path_(std::move(path)) {}
    void remove();
    std::filesystem::path path_;
};

} // namespace cachefill
