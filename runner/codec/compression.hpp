#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

namespace cachefill::codec {

enum class Compression { none, xz, zstd, gzip, bzip2, brotli, lz4, lzip, unknown };

// As narinfo's Compression field spells it. A missing or empty field means bzip2 (Nix, libstore/nar-info.cc).
std::string_view to_string(Compression compression);
Compression parse_compression(std::string_view text);
// ".zst", ".xz", "" for none: the suffix of a NAR's file name, as Nix has it. Gzip has none either, which also keeps
// web servers from answering with "Content-Encoding: gzip" (Nix, libstore/binary-cache-store.cc).
std::string_view file_extension(Compression compression);

// Streaming, one per stream. Output is appended to `out`, so the caller decides how much memory is in use: feed pieces
// of at most a few hundred KiB and take the output away between them. Not thread-safe; may move between threads.
class Compressor {
  public:
    virtual ~Compressor() = default;
    virtual Result<void> write(std::string_view bytes, std::string& out) = 0;
    virtual Result<void> finish(std::string& out) = 0;
};

class Decompressor {
  public:
    virtual ~Decompressor() = default;
    virtual Result<void> write(std::string_view bytes, std::string& out) = 0;
    // Fails when the stream is not whole.
    virtual Result<void> finish(std::string& out) = 0;
};

struct CompressionSettings {
    Compression method = Compression::zstd;
    int level = 3;               // zstd 1 to 22, xz 0 to 9, gzip 1 to 9; none ignores it
    int threads = 1;             // > 1 helps only zstd (the others ignore it) and only with large NARs
    std::uint64_t size_hint = 0; // exact size of the input if known, 0 if not: zstd sizes its tables by it and fails
                                 // when another size arrives
};

// none, xz, zstd and gzip; any other, and a level out of range, is a usage failure.
Result<std::unique_ptr<Compressor>> make_compressor(const CompressionSettings& settings);
// none, xz, zstd and gzip; any other is a protocol failure that names it. A few bytes can unfold to gigabytes: a stream
// that yields more than `output_limit` bytes in total fails before more than that is in memory.
Result<std::unique_ptr<Decompressor>>
make_decompressor(Compression compression, std::uint64_t output_limit = std::numeric_limits<std::uint64_t>::max());

} // namespace cachefill::codec
