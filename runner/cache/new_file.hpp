#pragma once

#include "base/files.hpp"

namespace cachefill::cache {

// A file on its way: written under a temporary name beside its later place, so that nobody ever sees half of it.
// Removed when it goes away without having got its name. Every call blocks; use it on the worker pool.
class NewFile {
  public:
    // Prefix of the temporary names, for whoever clears up after a killed process.
    static constexpr std::string_view prefix = ".tmp-";

    static Result<NewFile> create(const std::filesystem::path& directory, unsigned mode = 0644);
    NewFile(NewFile&& other) noexcept
        : path_(std::exchange(other.path_, {})), file_(std::move(other.file_)), written_(other.written_),
          begun_(other.begun_) {}
    NewFile& operator=(NewFile&&) = delete;
    ~NewFile();

    const std::filesystem::path& path() const { return path_; }
    Result<void> write(std::string_view bytes);
    // Has the disk begin with what was written so far, so that flush() has less to wait for. A wish, no promise.
    void begin_flush();
    // To the disk itself: a name must not survive a power cut that its content did not.
    Result<void> flush();
    // Gives it its name; what had that name is replaced.
    Result<void> rename_to(const std::filesystem::path& place);
    // Gives it its name unless something has it already: then false, and nothing changed.
    Result<bool> link_to(const std::filesystem::path& place);

  private:
    NewFile(std::filesystem::path path, FileDescriptor file) : path_(std::move(path)), file_(std::move(file)) {}
    std::filesystem::path path_;
    FileDescriptor file_;
    std::uint64_t written_ = 0;
    std::uint64_t begun_ = 0; // to be flushed
};

// A whole new file, flushed together with its directory. False when one of that name exists: it is left as it is.
Result<bool> create_new_file(const std::filesystem::path& place, std::string_view content, unsigned mode = 0644);

// After a rename or link: the directory entry to the disk.
Result<void> flush_directory(const std::filesystem::path& directory);

} // namespace cachefill::cache
