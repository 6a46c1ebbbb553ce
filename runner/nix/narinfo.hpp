#pragma once

#include "codec/compression.hpp"
#include "nix/path_info.hpp"

#include <span>

namespace cachefill::nix {

// A binary cache's record of one path: `HASH.narinfo` (Nix, libstore/nar-info.cc).
struct NarInfo {
    StorePath path;
    std::string url; // relative to the cache's root, or absolute; may carry a query; never derive it
    codec::Compression compression = codec::Compression::bzip2;
    std::optional<codec::Hash> file_hash;
    std::optional<std::uint64_t> file_size;
    codec::Hash nar_hash;
    std::uint64_t nar_size = 0;
    std::vector<StorePath> references;
    std::optional<StorePath> deriver;
    std::vector<std::string> signatures;
    std::string content_address;

    // Unknown keys are ignored; a missing or doubled mandatory one, a bad hash or path is a protocol failure that names
    // the line.
    static Result<NarInfo> parse(std::string_view text);
    // Every line ends in LF; keys in Nix's own order; "References: " keeps its trailing blank when empty.
    std::string to_string() const;

    std::string fingerprint() const { return nix::fingerprint(path, nar_hash, nar_size, references); }
    // A consumer that trusts `keys` accepts this: signed by one of them, or content-addressed.
    bool is_trusted_by(std::span<const PublicKey> keys) const {
        return content_address_matches(path, content_address, references) ||
               signed_by_one_of(fingerprint(), signatures, keys);
    }
};

// `nix-cache-info`. Missing lines mean: not WantMassQuery, priority 0 (the most preferred).
struct CacheInfoFile {
    std::string store_dir = std::string(nix::store_dir);
    bool want_mass_query = false;
    int priority = 0;

    static Result<CacheInfoFile> parse(std::string_view text);
    std::string to_string() const;
};

} // namespace cachefill::nix
