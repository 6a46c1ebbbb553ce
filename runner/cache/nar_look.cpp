#include "cache/nar_look.hpp"

#include "base/text.hpp"
#include "base/units.hpp"

#include <array>
#include <utility>

namespace cachefill::cache {

using codec::Compression;

namespace {

using namespace std::string_view_literals;

constexpr std::array<std::pair<std::string_view, Compression>, 7> marks{{
    {"\x0d\0\0\0\0\0\0\0nix-archive-1"sv, Compression::none},
    {"\xfd"
     "7zXZ\0"sv,
     Compression::xz},
    {"\x28\xb5\x2f\xfd"sv, Compression::zstd},
    {"\x1f\x8b"sv, Compression::gzip},
    {"BZh"sv, Compression::bzip2},
    {"\x04\x22\x4d\x18"sv, Compression::lz4},
    {"LZIP"sv, Compression::lzip},
}};

// What the name's ending says, if anything; ".nar" alone says nothing, as servers use it for whatever they have.
std::optional<Compression> compression_by_name(std::string_view url) {
    url = url.substr(0, url.find_first_of("?#"));
    for (auto method : {Compression::xz, Compression::zstd, Compression::bzip2, Compression::brotli, Compression::lz4,
                        Compression::lzip})
        if (url.ends_with(codec::file_extension(method))) return method;
    return {};
}

std::string name_of(Compression compression) {
    if (compression == Compression::none) return "not compressed";
    return "compressed with " + std::string(codec::to_string(compression));
}

// No Nix (tried with 2.8, 2.26 and 2.34) undoes a frame of zstd that wants more memory at once, as `zstd --long=28`
// makes.
constexpr std::uint64_t most_window = 1ULL << 27;

// How far back a frame of zstd may refer, by its header: RFC 8878, 3.1.1.1. Nothing if there is too little of it.
std::optional<std::uint64_t> zstd_window(std::string_view frame) {
    auto byte = [frame](std::size_t at) { return static_cast<std::uint64_t>(static_cast<unsigned char>(frame[at])); };
    if (frame.size() < 6) return {};
    auto descriptor = byte(4);
    bool is_single_segment = (descriptor & 0x20) != 0;
    if (!is_single_segment) {
        auto base = 1ULL << (10 + (byte(5) >> 3));
        return base + base / 8 * (byte(5) & 7);
    }
    // The whole content is the window. Its size stands behind the dictionary's number, in 1, 2, 4 or 8 bytes.
    constexpr std::size_t dictionary_bytes[]{0, 1, 2, 4}, size_bytes[]{1, 2, 4, 8};
    auto start = 5 + dictionary_bytes[descriptor & 3], count = size_bytes[descriptor >> 6];
    if (frame.size() < start + count) return {};
    std::uint64_t size = count == 2 ? 256 : 0;
    for (std::size_t i = 0; i < count; ++i) size += byte(start + i) << (8 * i);
    return size;
}

NarLook unusable(NarState state, std::string why) {
    NarLook look;
    look.state = state;
    look.why = std::move(why);
    return look;
}

} // namespace

std::string_view to_string(NarRemark remark) {
    switch (remark) {
    case NarRemark::wrong_file_hash:
        return "FileHash is wrong";
    case NarRemark::wrong_file_size:
        return "FileSize is wrong";
    case NarRemark::longer:
        return "more stands behind the end of the NAR";
    case NarRemark::twice_encoded:
        return "they are sent with a Content-Encoding on top of their compression";
    case NarRemark::not_unpacked:
        break;
    }
    return "the compression cannot be undone here, so NarHash was not compared";
}

Compression recognize(std::string_view beginning) {
    for (const auto& [mark, compression] : marks)
        if (beginning.starts_with(mark)) return compression;
    return Compression::unknown;
}

std::optional<std::uint64_t> stated_size(const nix::NarInfo& info) {
    if (info.file_size || info.compression != Compression::none) return info.file_size;
    return info.nar_size; // the archive is the NAR itself
}

bool has_odd_name(const nix::NarInfo& info) {
    auto named = compression_by_name(info.url);
    // Whoever leaves Compression out says bzip2 without meaning it.
    return named ? *named != info.compression : info.compression == Compression::bzip2;
}

NarLook judge(const nix::NarInfo& info, const FileLook& file) {
    if (!file.is_there)
        return unusable(NarState::gone, "its archive is not there" +
                                            (file.answer.empty() ? "" : " (" + file.answer + ")") + ": " + info.url);
    auto stated = stated_size(info);
    bool is_as_long = !file.size || !stated || *file.size == *stated;
    if (!is_as_long || file.size == 0U)
        return unusable(NarState::wrong_size,
                        "its archive has " + std::to_string(*file.size) + " bytes" +
                            (stated ? ", but the narinfo states " + std::to_string(*stated) : std::string()));
    NarLook look;
    if (file.is_encoded && may_be_undone_twice(info)) look.remarks.push_back(NarRemark::twice_encoded);
    if (file.beginning.empty()) return look;
    auto actual = recognize(file.beginning);
    if (auto window = actual == Compression::zstd ? zstd_window(file.beginning) : std::nullopt;
        window && *window > most_window)
        return unusable(NarState::unreadable, "its archive was made with a window of " + human_bytes(*window) +
                                                  " (zstd --long), and Nix takes no more than " +
                                                  human_bytes(most_window));
    if (actual == info.compression) return look;
    if (actual == Compression::unknown) {
        if (info.compression == Compression::brotli) return look; // which has no mark
        return unusable(NarState::unreadable, "its archive is neither a NAR nor compressed in a way that Nix knows");
    }
    auto why = "its archive is " + name_of(actual) + ", but by the narinfo it is " + name_of(info.compression);
    if (info.compression == Compression::bzip2) why += ", as one without a Compression says";
    if (may_be_undone_twice(info) && actual != Compression::none) why += " (Nix before 2.22 does not mind)";
    return unusable(NarState::unreadable, std::move(why));
}

bool may_be_undone_twice(const nix::NarInfo& info) {
    return info.compression != Compression::none && info.compression != Compression::brotli;
}

} // namespace cachefill::cache
