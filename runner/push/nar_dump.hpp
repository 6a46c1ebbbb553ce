#pragma once

#include "base/files.hpp"
#include "base/result.hpp"
#include "nix/nar.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace cachefill::push {

// On macOS Nix unpacks names that differ only in case with a suffix, which is no part of the NAR (libutil/archive.cc).
enum class CaseHack { keep, strip };
#ifdef __APPLE__
inline constexpr CaseHack platform_case_hack = CaseHack::strip;
#else
inline constexpr CaseHack platform_case_hack = CaseHack::keep;
#endif

// Reads the tree at a path as a NAR, piece by piece. Memory holds the names of the directories on the way down and
// nothing else, whatever the size of the tree. Blocks; belongs on a worker.
//
// Failures of kind store say that the tree is not what a store path can be: something is missing, neither file,
// directory nor symlink, nested too deep, or changes while it is read. Kind machine: it could not be read.
class NarDump {
  public:
    explicit NarDump(std::filesystem::path root, CaseHack case_hack = platform_case_hack);

    // Fills the buffer, which should have 256 KiB or more; less than its size only at the end, then 0.
    Result<std::size_t> read(std::span<char> buffer);

  private:
    struct Entry {
        std::string name;   // on disk
        std::size_t length; // of it, in the NAR
        unsigned char type; // d_type
        std::string_view nar_name() const { return std::string_view(name).substr(0, length); }
    };
    struct Directory {
        FileDescriptor fd;
        std::vector<Entry> entries;
        std::size_t next = 0;
        std::size_t prefetched = 0;
    };

    Result<void> step();
    Result<void> begin_node(int parent, const std::string& name);
    Result<void> begin_file(FileDescriptor file, std::uint64_t size, bool executable);
    Result<void> begin_directory(FileDescriptor fd);
    Result<void> write_symlink(int parent, const std::string& name);
    Result<std::size_t> read_content(std::span<char> buffer);
    Result<void> end_content();
    void end_node();
    void prefetch(Directory& directory);

    std::filesystem::path where() const;
    Failure damaged(const std::string& what) const;
    Failure unreadable(std::string_view doing, int error) const;

    std::filesystem::path root_;
    CaseHack case_hack_;
    nix::NarWriter writer_;
    std::string framing_; // between contents, not yet handed out
    std::size_t framing_read_ = 0;
    std::vector<Directory> directories_;
    FileDescriptor file_;
    std::uint64_t file_size_ = 0;
    std::uint64_t file_left_ = 0;
    bool begun_ = false;
    bool ended_ = false;
};

} // namespace cachefill::push
