// Compressed streams, which come from caches and servers: xz, lzip, zstd, gzip, bzip2, brotli, deflate.
//
// The first byte chooses the method. In whatever pieces it comes, a stream that is whole unfolds to the same bytes, and
// never to more than may come of it, 64 KiB at a time. A failure is one of the protocol (of the machine where it wants
// more memory than there is to be had). What we compress unfolds to what it was.
#include "codec/compression.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"

namespace cachefill::fuzz {

namespace {

using codec::Compression;

constexpr std::uint64_t longest = 256 * 1024;
constexpr std::size_t longest_piece = 64 * 1024;
constexpr Compression methods[]{Compression::xz,    Compression::lzip,   Compression::zstd, Compression::gzip,
                                Compression::bzip2, Compression::brotli, Compression::none};

std::unique_ptr<codec::Decompressor> make(unsigned choice) {
    if (choice % 8 == 7) return codec::make_deflate_decompressor(longest);
    return codec::make_decompressor(methods[choice % 8], longest).value();
}

std::optional<std::string> unfold(codec::Decompressor& decompressor, std::string_view input, bool at_once) {
    std::string out;
    codec::Decompressor::Take take = [&out](std::string_view piece) -> Result<void> {
        require(!piece.empty() && piece.size() <= longest_piece, "it comes in small pieces");
        out += piece;
        require(out.size() <= longest, "no more comes of it than may");
        return {};
    };
    Result<void> result;
    if (at_once)
        result = decompressor.write(input, take);
    else
        in_pieces(input, input.size(), [&](std::string_view piece) {
            result = decompressor.write(piece, take);
            return result.has_value();
        });
    if (result) result = decompressor.finish(take);
    if (result) return out;
    require_told(result.error(), {FailureKind::protocol, FailureKind::machine});
    return {};
}

void there_and_back(Compression method, std::string_view input) {
    codec::CompressionSettings settings;
    settings.method = method;
    settings.level = 1;
    auto compressor = codec::make_compressor(settings).value();
    std::string packed;
    require(compressor->write(input, packed).has_value() && compressor->finish(packed).has_value(), "it can be packed");
    auto decompressor = codec::make_decompressor(method).value();
    std::string unpacked;
    require(decompressor->write(packed, unpacked).has_value() && decompressor->finish(unpacked).has_value() &&
                unpacked == input,
            "what is packed unfolds to what it was");
}

} // namespace

void decompress(std::string_view input) {
    if (input.empty()) return;
    unsigned choice = static_cast<unsigned char>(input.front());
    input.remove_prefix(1);
    auto whole = unfold(*make(choice), input, true), in_parts = unfold(*make(choice), input, false);
    require(whole == in_parts, "pieces make no difference");
    if (choice % 8 == 2) there_and_back(Compression::zstd, input);
    if (choice % 8 == 3) there_and_back(Compression::gzip, input);
}

} // namespace cachefill::fuzz
