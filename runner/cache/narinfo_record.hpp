#pragma once

#include "cache/binary_cache.hpp"

#include <string>
#include <string_view>

namespace cachefill::cache {

// What all backends do with a narinfo, on reading and on publishing.

// What a login page, a proxy or a wrong address answers, whatever was asked for.
bool looks_like_html(std::string_view text);
inline constexpr const char* html_hint =
    "a login page, a proxy or a wrong address; open the cache's URL in a browser to see it";

// The text that `cache` answered for `path`. HTML, text that does not parse, and a narinfo for another path are
// protocol failures that name both.
Result<nix::NarInfo> read_narinfo(std::string_view text, const nix::StorePath& path, std::string_view cache);

// "HASH.narinfo"
std::string narinfo_name(const nix::StorePath& path);
// What gets rid of it, for people: "remove https://cache.example.org/HASH.narinfo".
std::string way_to_remove(const CacheUri& uri, const nix::StorePath& path);

// What a plain cache keeps under a name (BinaryCache::set_name): a store path and a newline.
std::string named_path_file(const std::string& name);
Result<nix::StorePath> read_named_path(std::string_view text, const std::string& name, std::string_view cache);

// "realisations/ID.doi", where plain caches keep it for Nix 2.4 to 2.34 (libstore/binary-cache-store.cc).
std::string realisation_file(const std::string& id);
Result<nix::Realisation> read_realisation(std::string_view text, const std::string& id, std::string_view cache);
// The text, with our signature if there is a key.
Result<std::string> complete_realisation(nix::Realisation realisation, const std::optional<nix::SecretKey>& key);

// A compressed NAR that is in its place.
struct StoredNar {
    codec::Hash file_hash;
    std::uint64_t file_size = 0;
    codec::Compression compression = codec::Compression::zstd;
    std::string url = {}; // where it is, if that is not its nar_name()
};

// Of an upload to which other bytes came than it was told of.
Failure wrong_size(std::uint64_t wanted, std::uint64_t got);

// "nar/HASH.nar.zst", where plain caches keep it (Nix, libstore/binary-cache-store.cc).
std::string nar_name(const StoredNar& nar);

// `info` completed for a plain cache: where the NAR is, what it hashes to, and our signature if there is a key.
Result<nix::NarInfo> complete_narinfo(nix::NarInfo info, const StoredNar& nar,
                                      const std::optional<nix::SecretKey>& key);

// The same text with other facts about the file: what is signed, and whatever else stands there, is left as it is.
std::string with_other_file(std::string_view narinfo, const std::string& url, const StoredNar& nar);

// Is `url`, of a narinfo, a file in the cache itself that may be written?
bool is_own_file(std::string_view url);

// A path of ours for whose narinfo, which stands, an archive is to be made: why that cannot be what the narinfo
// promises; empty if it can.
std::optional<Failure> cannot_mend(const nix::NarInfo& existing, const codec::Hash& nar_hash, const std::string& cache);

// Writing to a plain cache needs a key with a name, unless its consumers trust it blindly.
Result<void> check_signing_key(const std::optional<nix::SecretKey>& key, const CacheUri& uri);

} // namespace cachefill::cache
