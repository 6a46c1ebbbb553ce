#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::nix {

// The NAR format without any I/O: tokens out, tokens in. nix-mechanics: every string is a little-endian u64 length, the
// bytes, zero padding to 8; entries strictly ascending by unsigned bytes.
inline constexpr std::string_view nar_magic = "nix-archive-1";
// So many files and directories, one in the other and the root among them, does Nix accept since 2.34.8 (libutil/
// archive.cc).
inline constexpr std::size_t nar_depth_limit = 64;

// Writes the bytes between file contents. The caller sends the content of a file itself, right after begin_file(), and
// then calls end_file() with its size. Output is appended to `out`.
class NarWriter {
  public:
    void begin_archive(std::string& out);
    void begin_file(bool executable, std::uint64_t size, std::string& out);
    void end_file(std::uint64_t size, std::string& out);
    void symlink(std::string_view target, std::string& out);
    void begin_directory(std::string& out);
    void begin_entry(std::string_view name, std::string& out);
    void end_entry(std::string& out);
    void end_directory(std::string& out);
};

// Called while a NAR is parsed. `path` is relative to the archive's root ("" for the root itself).
struct NarVisitor {
    std::function<Result<void>(std::string_view path, bool executable, std::uint64_t size)> file;
    std::function<Result<void>(std::string_view bytes)> content; // pieces of the file announced last
    std::function<Result<void>(std::string_view path, std::string_view target)> symlink;
    std::function<Result<void>(std::string_view path)> directory;
};

// Incremental and strict: names, order, padding, nesting and the end are checked; anything else is a
// protocol failure that says where (byte offset) and what. Memory does not grow with the archive.
class NarParser {
  public:
    explicit NarParser(NarVisitor visitor);
    NarParser(NarParser&&) noexcept;
    ~NarParser();

    Result<void> write(std::string_view bytes);
    Result<void> finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// What the file has that is all there is in this archive. A protocol failure for any other archive.
Result<std::string> file_of_nar(std::string_view nar);

} // namespace cachefill::nix
