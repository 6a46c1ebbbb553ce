#pragma once

#include "nix/narinfo.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::cache {

// Whether the archive that a narinfo promises can be had, and what is odd about it. Judged as Nix does (tried with 2.8,
// 2.26 and 2.34). No Nix compares FileHash and FileSize. Compression must be the true one since 2.22 (NixOS/nix pull
// 10341); before, Nix went by the archive's first bytes unless it said "none" or "br", and so undid a Content-Encoding
// and the compression inside at one go, which is once too often.

enum class NarState {
    there,
    gone,       // nobody gets it
    wrong_size, // not what FileSize or NarSize says: most likely cut off
    unreadable, // not what can be undone by what this narinfo says
    encoded,    // sent in a way that the Nix it is asked for cannot undo; the file itself may be whole
};

// What Nix does not mind, and other clients may.
enum class NarRemark {
    wrong_file_hash,
    wrong_file_size,
    longer,        // bytes stand behind the NAR's end, which Nix does not read
    twice_encoded, // sent with a Content-Encoding, which Nix before 2.22 cannot undo
    not_unpacked,  // compressed in a way that cannot be undone here: NarHash was not compared
};
using NarRemarks = std::vector<NarRemark>;
std::string_view to_string(NarRemark remark); // "FileHash is wrong"

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
    bool is_encoded = false;           // on its way; `beginning` is what comes out
};

NarLook judge(const nix::NarInfo& info, const FileLook& file);

// How long the narinfo says that the archive is; one that is not compressed has its NAR's length.
std::optional<std::uint64_t> stated_size(const nix::NarInfo& info);
// Would Nix before 2.22 undo this archive's compression along with a Content-Encoding?
bool may_be_undone_twice(const nix::NarInfo& info);
// So many bytes tell how an archive is compressed.
inline constexpr std::size_t telling_bytes = 24;
// Is its name at odds with the compression that the narinfo states? Then the first bytes should be looked at.
bool has_odd_name(const nix::NarInfo& info);
// By its first bytes: none for a NAR as it is, `unknown` for what Nix would not recognise (brotli has no mark).
codec::Compression recognize(std::string_view beginning);

} // namespace cachefill::cache
