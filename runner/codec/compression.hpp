#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <functional>
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
    // The same a little at a time, for whoever cannot take all at once: one with several threads may hold many MiB. How
    // many of the bytes it took; and true when that was all.
    virtual Result<std::size_t> write_some(std::string_view bytes, std::string& out) {
        TRY_VOID(write(bytes, out));
        return bytes.size();
    }
    virtual Result<bool> finish_some(std::string& out) {
        TRY_VOID(finish(out));
        return true;
    }
};

class Decompressor {
  public:
    // Gets what came out, at most 64 KiB at a time, so that no input takes much memory; its failure ends the stream.
    using Take = std::function<Result<void>(std::string_view)>;

    virtual ~Decompressor() = default;
    virtual Result<void> write(std::string_view bytes, const Take& take) = 0;
    // Fails when the stream is not whole.
    virtual Result<void> finish(const Take& take) = 0;

    // The same with everything appended to `out`: a few bytes can become gigabytes, unless there is an output limit.
    Result<void> write(std::string_view bytes, std::string& out) {
        return write(bytes, [&out](std::string_view piece) -> Result<void> {
            out += piece;
            return {};
        });
    }
    Result<void> finish(std::string& out) {
        return finish([&out](std::string_view piece) -> Result<void> {
            out += piece;
            return {};
        });
    }
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
inline constexpr std::uint64_t no_output_limit = std::numeric_limits<std::uint64_t>::max();

// All but lz4; that, and unknown ones, are a protocol failure that names it. A few bytes can unfold to gigabytes: a
// stream that yields more than `output_limit` bytes in total fails before it hands on more.
Result<std::unique_ptr<Decompressor>> make_decompressor(Compression compression,
                                                        std::uint64_t output_limit = no_output_limit);
// What HTTP calls "deflate": zlib's format, or, as some servers have it, without its header (RFC 9110, 8.4.1.2).
std::unique_ptr<Decompressor> make_deflate_decompressor(std::uint64_t output_limit = no_output_limit);

} // namespace cachefill::codec
