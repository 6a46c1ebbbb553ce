#include "cache/narinfo_record.hpp"

#include "base/quoted_reply.hpp"
#include "base/text.hpp"
#include "cache/cache_uri.hpp"
#include "nix/realisation.hpp"

namespace cachefill::cache {

bool looks_like_html(std::string_view text) { return trim(text).starts_with('<'); }

Result<nix::NarInfo> read_narinfo(std::string_view text, const nix::StorePath& path, std::string_view cache) {
    auto doing = [&] { return "reading the narinfo of " + path.to_string() + " from " + std::string(cache); };
    if (looks_like_html(text))
        return Failure(FailureKind::protocol,
                       std::string(cache) + " answered HTML instead of a narinfo for " + path.to_string())
            .with_hint(html_hint);
    auto info = nix::NarInfo::parse(text);
    if (!info) return std::move(info).error().with_context(doing());
    if (info->path != path)
        return Failure(FailureKind::protocol, "it is for another path, " + info->path.to_string())
            .with_context(doing());
    return info;
}

std::string narinfo_name(const nix::StorePath& path) { return std::string(path.hash_part()) + ".narinfo"; }

std::string way_to_remove(const CacheUri& uri, const nix::StorePath& path) {
    if (uri.scheme == Scheme::cachix) return "ask Cachix's support to remove it from the cache " + uri.name;
    if (uri.scheme == Scheme::attic)
        return "have whoever runs attic's server remove " + path.to_string() + " from " + uri.name;
    if (uri.scheme == Scheme::niks3) return "remove " + narinfo_name(path) + " from the bucket behind " + uri.name;
    auto root = uri.name;
    if (uri.scheme == Scheme::file) root = uri.directory;
    if (uri.scheme == Scheme::s3) root = "s3://" + uri.s3.bucket;
    return "remove " + root + "/" + narinfo_name(path);
}

Failure wrong_size(std::uint64_t wanted, std::uint64_t got) {
    return Failure(FailureKind::internal,
                   "an upload of " + std::to_string(wanted) + " bytes got " + std::to_string(got));
}

std::string nar_name(const StoredNar& nar) {
    return "nar/" + nar.file_hash.to_nix32() + ".nar" + std::string(codec::file_extension(nar.compression));
}

Result<nix::NarInfo> complete_narinfo(nix::NarInfo info, const StoredNar& nar,
                                      const std::optional<nix::SecretKey>& key) {
    info.url = nar.url.empty() ? nar_name(nar) : nar.url;
    info.compression = nar.compression;
    info.file_hash = nar.file_hash;
    info.file_size = nar.file_size;
    if (key) {
        TRY(signature, key->sign(info.fingerprint()));
        std::erase_if(info.signatures, [&](const std::string& old) { return old.starts_with(key->name() + ":"); });
        info.signatures.push_back(std::move(signature));
    }
    return info;
}

std::string with_other_file(std::string_view narinfo, const std::string& url, const StoredNar& nar) {
    std::string text;
    for (auto line : split(narinfo, '\n')) {
        bool is_of_the_file = line.starts_with("URL:") || line.starts_with("Compression:") ||
                              line.starts_with("FileHash:") || line.starts_with("FileSize:");
        if (line.empty() || is_of_the_file) continue;
        text.append(line).append("\n");
        if (!line.starts_with("StorePath:")) continue;
        text += "URL: " + url + "\nCompression: " + std::string(codec::to_string(nar.compression)) +
                "\nFileHash: " + nar.file_hash.to_string() + "\nFileSize: " + std::to_string(nar.file_size) + "\n";
    }
    return text;
}

bool is_own_file(std::string_view url) {
    bool leads_out = url.find("://") != url.npos || url.starts_with('/') || url.find("..") != url.npos;
    return !leads_out && url.find_first_of("?#%") == url.npos;
}

std::optional<Failure> cannot_mend(const nix::NarInfo& existing, const codec::Hash& nar_hash,
                                   const std::string& cache) {
    if (existing.nar_hash == nar_hash) return {};
    return Failure(FailureKind::protocol, "what this machine has as " + existing.path.to_string() +
                                              " is not what its narinfo in " + cache +
                                              " states: it was built with another result")
        .with_hint("remove " + narinfo_name(existing.path) + " from the cache; then it can be pushed as it is here");
}

Result<void> check_signing_key(const std::optional<nix::SecretKey>& key, const CacheUri& uri) {
    if (key && key->name().empty())
        return Failure(FailureKind::usage,
                       "the signing key for " + uri.name + " has no name, and Nix knows a key by its name")
            .with_hint("write it as NAME:BASE64, for instance with `nix key generate-secret --key-name NAME`");
    if (!key && !uri.trusted)
        return Failure(FailureKind::auth,
                       "there is no signing key for " + uri.name + ", and nobody accepts unsigned paths")
            .with_hint("set CACHEFILL_SIGNING_KEY or CACHEFILL_SIGNING_KEY_FILE, or add ?trusted=1 to the cache if its "
                       "consumers trust it without signatures");
    return {};
}

std::string realisation_file(const std::string& id) { return "realisations/" + id + ".doi"; }

Result<nix::Realisation> read_realisation(std::string_view text, const std::string& id, std::string_view cache) {
    auto realisation = nix::Realisation::parse(text);
    if (realisation && realisation->id == id) return realisation;
    auto failure = realisation ? Failure(FailureKind::protocol, "it is another one, " + realisation->id)
                               : std::move(realisation).error();
    return std::move(failure).with_context("reading the realisation " + id + " from " + std::string(cache));
}

Result<std::string> complete_realisation(nix::Realisation realisation, const std::optional<nix::SecretKey>& key) {
    if (key && !key->name().empty()) {
        TRY(signature, key->sign(realisation.fingerprint()));
        std::erase_if(realisation.signatures,
                      [&](const std::string& old) { return old.starts_with(key->name() + ":"); });
        realisation.signatures.push_back(std::move(signature));
    }
    return realisation.to_string();
}

std::string named_path_file(const std::string& name) { return name + ".path"; }

Result<nix::StorePath> read_named_path(std::string_view text, const std::string& name, std::string_view cache) {
    auto path = nix::StorePath::parse(trim(text));
    if (path) return path;
    return Failure(FailureKind::protocol, named_path_file(name) + " of " + std::string(cache) +
                                              " names no store path: '" + quoted_reply(text, 80) + "'");
}

} // namespace cachefill::cache
