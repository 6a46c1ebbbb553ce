#include "codec/compression.hpp"

#include "codec/streams.hpp"

#include <array>

namespace cachefill::codec {

namespace {

struct Method {
    Compression compression;
    std::string_view name;
    std::string_view extension;
    int lowest_level = 0; // both 0: we cannot write it, or it has no levels
    int highest_level = 0;
};

constexpr std::array<Method, 8> methods{{
    {Compression::none, "none", ""},
    {Compression::xz, "xz", ".xz", 0, 9},
    {Compression::zstd, "zstd", ".zst", 1, 22},
    {Compression::gzip, "gzip", "", 1, 9},
    {Compression::bzip2, "bzip2", ".bz2"},
    {Compression::brotli, "br", ".br"},
    {Compression::lz4, "lz4", ".lz4"},
    {Compression::lzip, "lzip", ".lzip"},
}};

const Method* find_method(Compression compression) {
    for (const auto& method : methods)
        if (method.compression == compression) return &method;
    return nullptr;
}

class CopyingCompressor final : public Compressor {
  public:
    Result<void> write(std::string_view bytes, std::string& out) override {
        out.append(bytes);
        return {};
    }
    Result<void> finish(std::string&) override { return {}; }
};

class CopyingDecompressor final : public Decompressor {
  public:
    explicit CopyingDecompressor(std::uint64_t output_limit) : output_(output_limit) {}
    Result<void> write(std::string_view bytes, const Take& take) override { return output_.pass(bytes, take); }
    Result<void> finish(const Take&) override { return {}; }

  private:
    LimitedOutput output_;
};

} // namespace

std::string_view to_string(Compression compression) {
    const auto* method = find_method(compression);
    return method ? method->name : "unknown";
}

Compression parse_compression(std::string_view text) {
    if (text.empty()) return Compression::bzip2;
    for (const auto& method : methods)
        if (method.name == text) return method.compression;
    return Compression::unknown;
}

std::string_view file_extension(Compression compression) {
    const auto* method = find_method(compression);
    return method ? method->extension : "";
}

Result<std::unique_ptr<Compressor>> make_compressor(const CompressionSettings& settings) {
    if (settings.method == Compression::none) return std::unique_ptr<Compressor>(new CopyingCompressor);
    const auto* method = find_method(settings.method);
    if (!method || method->highest_level == 0)
        return Failure(FailureKind::usage, "cannot compress with " + std::string(to_string(settings.method)))
            .with_hint("use zstd, xz, gzip or none");
    if (settings.level < method->lowest_level || settings.level > method->highest_level)
        return Failure(FailureKind::usage, "there is no compression level " + std::to_string(settings.level) + " in " +
                                               std::string(method->name) + ", its levels are " +
                                               std::to_string(method->lowest_level) + " to " +
                                               std::to_string(method->highest_level));
    switch (settings.method) {
    case Compression::xz:
        return make_xz_compressor(settings.level);
    case Compression::gzip:
        return make_gzip_compressor(settings.level);
    default:
        return make_zstd_compressor(settings);
    }
}

Result<std::unique_ptr<Decompressor>> make_decompressor(Compression compression, std::uint64_t output_limit) {
    switch (compression) {
    case Compression::none:
        return std::unique_ptr<Decompressor>(new CopyingDecompressor(output_limit));
    case Compression::xz:
        return make_xz_decompressor(output_limit);
    case Compression::zstd:
        return make_zstd_decompressor(output_limit);
    case Compression::gzip:
        return make_gzip_decompressor(output_limit);
    case Compression::bzip2:
        return make_bzip2_decompressor(output_limit);
    case Compression::brotli:
        return make_brotli_decompressor(output_limit);
    case Compression::lzip:
        return make_lzip_decompressor(output_limit);
    case Compression::lz4:
    case Compression::unknown:
        break;
    }
    return Failure(FailureKind::protocol, "cannot decompress " + std::string(to_string(compression)) +
                                              ", only zstd, xz, gzip, bzip2, br, lzip and none");
}

} // namespace cachefill::codec
