#pragma once

#include "codec/compression.hpp"

#include <array>

namespace cachefill::codec {

// What the implementations share; nobody outside codec/ includes this.

// Output goes through this much memory at a time.
inline constexpr std::size_t stream_buffer_size = 64 * 1024;
using StreamBuffer = std::array<char, stream_buffer_size>;

// Hands on what a decompressor yields, up to a limit for the whole stream.
class LimitedOutput {
  public:
    explicit LimitedOutput(std::uint64_t limit) : limit_(limit) {}

    Result<void> pass(std::string_view bytes, const Decompressor::Take& take) {
        if (bytes.size() > limit_ - size_)
            return Failure(FailureKind::protocol, "the decompressed stream has more than the " +
                                                      std::to_string(limit_) + " bytes it may have");
        size_ += bytes.size();
        if (bytes.empty()) return {};
        return take(bytes);
    }

  private:
    std::uint64_t limit_;
    std::uint64_t size_ = 0;
};

inline Failure broken_stream(std::string_view method, std::uint64_t offset, std::string_view why) {
    return Failure(FailureKind::protocol, "the " + std::string(method) + " stream is broken near byte " +
                                              std::to_string(offset) + ": " + std::string(why));
}

inline Failure truncated_stream(std::string_view method, std::uint64_t offset) {
    return Failure(FailureKind::protocol,
                   "the " + std::string(method) + " stream ends too early, after " + std::to_string(offset) + " bytes");
}

std::unique_ptr<Compressor> make_zstd_compressor(const CompressionSettings& settings);
std::unique_ptr<Decompressor> make_zstd_decompressor(std::uint64_t output_limit);
std::unique_ptr<Compressor> make_xz_compressor(int level);
std::unique_ptr<Decompressor> make_xz_decompressor(std::uint64_t output_limit);
std::unique_ptr<Decompressor> make_lzip_decompressor(std::uint64_t output_limit);
std::unique_ptr<Compressor> make_gzip_compressor(int level);
std::unique_ptr<Decompressor> make_gzip_decompressor(std::uint64_t output_limit);
std::unique_ptr<Decompressor> make_bzip2_decompressor(std::uint64_t output_limit);
std::unique_ptr<Decompressor> make_brotli_decompressor(std::uint64_t output_limit);

} // namespace cachefill::codec
