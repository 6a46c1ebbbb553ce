#pragma once

#include "nix/narinfo.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::cache {

// Whether the archive that a narinfo promises can be had, and what is odd about it. Judged as Nix does (tried with 2.8,
// which reads everything but "none" and "br" by libarchive: it goes by the archive's first bytes, and not by
// Compression, nor by FileHash and FileSize).

enum class NarState {
    there,
    gone,       // nobody gets it
    wrong_size, // not what FileSize says: most likely cut off
    unreadable, // compressed in a way that Nix cannot undo, going by this narinfo
};

// What Nix does not mind, and other clients may.
enum class NarRemark {
    other_compression, // than the narinfo states
    wrong_file_hash,
    wrong_file_size,
    not_unpacked, // compressed in a way that cannot be undone here: NarHash was not compared
};
using NarRemarks = std::vector<NarRemark>;
std::string_view to_string(NarRemark remark); // "its FileHash is wrong"

struct NarLook {
    NarState state = NarState::there;
    std::string why; // unless it is there, as a person reads it
    NarRemarks remarks;
};

// A file as a server or a directory shows it.
struct FileLook {
    bool is_there = false;
    std::optional<std::uint64_t> size; // empty: the server does not tell
    std::string beginning;             // its first bytes, as far as they were looked at
    std::string answer;                // of a server where it is not there: "404 Not Found"
};

NarLook judge(const nix::NarInfo& info, const FileLook& file);

// So many bytes tell how an archive is compressed.
inline constexpr std::size_t telling_bytes = 24;
// Is its name at odds with the compression that the narinfo states? Then the first bytes should be looked at.
bool has_odd_name(const nix::NarInfo& info);
// By its first bytes: none for a NAR as it is, `unknown` for what Nix would not recognise (brotli has no mark).
codec::Compression recognize(std::string_view beginning);

} // namespace cachefill::cache
