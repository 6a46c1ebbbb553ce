// Narinfos and nix-cache-info, which come from caches.
//
// What is read is written so that it reads the same, in one line for each thing it says; its sizes are no nothings, and
// its fingerprint is the same however it was spelled. With another file's facts it differs in those alone. What does
// not read fails as protocol.
#include "cache/narinfo_record.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"

#include <algorithm>

namespace cachefill::fuzz {

namespace {

void check_record(std::string_view input) {
    auto read = nix::NarInfo::parse(input);
    if (!read) return require_told(read.error(), {FailureKind::protocol});
    require(read->nar_size > 0 && !read->url.empty(), "it names an archive");
    auto text = read->to_string();
    auto again = nix::NarInfo::parse(text);
    require(again.has_value(), "what is written can be read");
    require(again->to_string() == text, "what is read from it is the same");
    require(again->fingerprint() == read->fingerprint(), "what is signed is the same");
    require(again->url == read->url && again->signatures == read->signatures &&
                again->content_address == read->content_address && again->deriver == read->deriver &&
                again->file_hash == read->file_hash && again->file_size == read->file_size,
            "nothing of it is lost");

    cache::StoredNar other;
    other.file_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, "another one");
    other.file_size = 7;
    auto mended = nix::NarInfo::parse(cache::with_other_file(input, "nar/other", other));
    require(mended.has_value(), "with another file's facts it can be read");
    require(mended->url == "nar/other" && mended->file_hash == other.file_hash && mended->file_size == 7U,
            "it has the facts of the other file");
    require(mended->fingerprint() == read->fingerprint() && mended->signatures == read->signatures,
            "what is signed stays");

    auto asked = cache::read_narinfo(input, read->path, "a cache");
    require(asked.has_value() || cache::looks_like_html(input), "it is the one that was asked for");
    auto other_path = nix::StorePath::parse_base_name("00000000000000000000000000000000-other").value();
    if (auto wrong = cache::read_narinfo(input, other_path, "a cache"); !wrong)
        require_told(wrong.error(), {FailureKind::protocol});
    else
        require(read->path.hash_part() == other_path.hash_part(), "another path's is refused");
}

void check_cache_info(std::string_view input) {
    auto read = nix::CacheInfoFile::parse(input);
    if (!read) return require_told(read.error(), {FailureKind::protocol});
    auto again = nix::CacheInfoFile::parse(read->to_string());
    require(again && again->to_string() == read->to_string(), "what is read from it is the same");
}

} // namespace

void narinfo(std::string_view input) {
    check_record(input);
    check_cache_info(input);
    auto named = cache::read_named_path(input, "main", "a cache");
    if (!named) require_told(named.error(), {FailureKind::protocol});
}

} // namespace cachefill::fuzz
