#include "nix/narinfo.hpp"

#include "base/quoted_reply.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace cachefill::nix {

namespace {

Failure at_line(std::size_t line, std::string why) {
    return Failure(FailureKind::protocol, "bad narinfo, line " + std::to_string(line) + ": " + std::move(why));
}

template <class T> Result<T> in_line(std::size_t line, std::string_view key, Result<T> parsed) {
    if (parsed) return parsed;
    return at_line(line, std::string(key) + ": " + parsed.error().cause());
}

Result<std::uint64_t> parse_size(std::string_view value) {
    auto size = parse_u64(value);
    if (!size) return Failure(FailureKind::protocol, "'" + quoted_reply(value, 80) + "' is not a size in bytes");
    return *size;
}

Result<codec::Hash> parse_nar_hash(std::string_view value) {
    TRY(hash, codec::Hash::parse(value));
    if (hash.algorithm() != codec::HashAlgorithm::sha256)
        return Failure(FailureKind::protocol, "it is " + std::string(to_string(hash.algorithm())) + ", not sha256");
    return hash;
}

Result<std::vector<StorePath>> parse_references(std::string_view value) {
    std::vector<StorePath> references;
    for (auto word : split_words(value)) {
        TRY(reference, StorePath::parse_base_name(word));
        references.push_back(std::move(reference));
    }
    return references;
}

bool is_known(std::string_view key) {
    constexpr std::array<std::string_view, 11> known{"StorePath", "URL",     "Compression", "FileHash",
                                                     "FileSize",  "NarHash", "NarSize",     "References",
                                                     "Deriver",   "Sig",     "CA"};
    return std::find(known.begin(), known.end(), key) != known.end();
}

// What has been read so far; what must be there is still optional here.
struct Draft {
    std::optional<StorePath> path;
    std::optional<std::string> url;
    std::optional<codec::Hash> nar_hash;
    std::optional<std::uint64_t> nar_size;
    codec::Compression compression = codec::Compression::bzip2;
    std::optional<codec::Hash> file_hash;
    std::optional<std::uint64_t> file_size;
    std::vector<StorePath> references;
    std::optional<StorePath> deriver;
    std::vector<std::string> signatures;
    std::string content_address;

    Result<void> take(std::size_t line, std::string_view key, std::string_view value);
};

// Of a field that stands there twice the last counts, as to Nix; but for References and CA, which it refuses then.
template <class T> Result<void> set(std::size_t line, std::string_view key, std::optional<T>& field, Result<T> parsed) {
    TRY(value, in_line(line, key, std::move(parsed)));
    field = std::move(value);
    return {};
}

Result<void> Draft::take(std::size_t line, std::string_view key, std::string_view value) {
    if (key == "StorePath") return set(line, key, path, StorePath::parse(value));
    if (key == "NarHash") return set(line, key, nar_hash, parse_nar_hash(value));
    if (key == "NarSize") {
        TRY_VOID(set(line, key, nar_size, parse_size(value)));
        if (*nar_size == 0) return at_line(line, "NarSize: 0, but no NAR is empty");
    } else if (key == "URL") {
        if (value.empty()) return at_line(line, "URL is empty");
        return set(line, key, url, Result<std::string>(std::string(value)));
    } else if (key == "Compression") {
        compression = codec::parse_compression(value);
    } else if (key == "FileHash") {
        TRY(hash, in_line(line, key, codec::Hash::parse(value)));
        file_hash = hash;
    } else if (key == "FileSize") {
        TRY(size, in_line(line, key, parse_size(value)));
        file_size = size;
    } else if (key == "References") {
        if (!references.empty()) return at_line(line, "References appears twice");
        TRY(parsed, in_line(line, key, parse_references(value)));
        references = std::move(parsed);
    } else if (key == "Deriver") {
        if (value == "unknown-deriver") return {};
        TRY(parsed, in_line(line, key, StorePath::parse_base_name(value)));
        deriver = std::move(parsed);
    } else if (key == "Sig") {
        signatures.emplace_back(value);
    } else if (key == "CA") {
        if (!content_address.empty()) return at_line(line, "CA appears twice");
        if (!value.empty() && !is_content_address(value))
            return at_line(line, "CA: '" + quoted_reply(value, 80) + "' is no content address");
        content_address = value;
    }
    return {};
}

Failure missing(std::string_view key) {
    return Failure(FailureKind::protocol, "bad narinfo: it has no " + std::string(key));
}

} // namespace

Result<NarInfo> NarInfo::parse(std::string_view text) {
    Draft draft;
    for (std::size_t line = 1; !text.empty(); ++line) {
        auto end = text.find('\n');
        if (end == text.npos) return at_line(line, "it does not end in a line feed, so the record may be cut off");
        auto content = text.substr(0, end);
        text.remove_prefix(end + 1);
        auto colon = content.find(':');
        auto key = content.substr(0, colon);
        // Nix skips two characters whatever they are, and so would read "References:" into the next line. How a field
        // is written that it does not know is all the same to it.
        if (colon != content.npos && content.substr(colon, 2) != ": " && !is_known(key)) continue;
        if (colon == content.npos || content.substr(colon, 2) != ": ")
            return at_line(line, "'" + quoted_reply(content, 80) + "' is not 'Key: value'");
        TRY_VOID(draft.take(line, key, content.substr(colon + 2)));
    }
    if (!draft.path) return missing("StorePath");
    if (!draft.url) return missing("URL");
    if (!draft.nar_hash) return missing("NarHash");
    if (!draft.nar_size) return missing("NarSize");
    return NarInfo{.path = *std::move(draft.path),
                   .url = *std::move(draft.url),
                   .compression = draft.compression,
                   .file_hash = draft.file_hash,
                   .file_size = draft.file_size,
                   .nar_hash = *draft.nar_hash,
                   .nar_size = *draft.nar_size,
                   .references = std::move(draft.references),
                   .deriver = std::move(draft.deriver),
                   .signatures = std::move(draft.signatures),
                   .content_address = std::move(draft.content_address)};
}

std::string NarInfo::to_string() const {
    std::string text;
    auto line = [&text](std::string_view key, std::string_view value) {
        text.append(key).append(": ").append(value).append("\n");
    };
    line("StorePath", path.to_string());
    line("URL", url);
    line("Compression", codec::to_string(compression));
    if (file_hash) line("FileHash", file_hash->to_string());
    if (file_size) line("FileSize", std::to_string(*file_size));
    line("NarHash", nar_hash.to_string());
    line("NarSize", std::to_string(nar_size));
    std::vector<std::string> names;
    for (const auto& reference : references) names.emplace_back(reference.base_name());
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    line("References", join(names, " "));
    if (deriver) line("Deriver", deriver->base_name());
    for (const auto& signature : signatures) line("Sig", signature);
    if (!content_address.empty()) line("CA", content_address);
    return text;
}

Result<CacheInfoFile> CacheInfoFile::parse(std::string_view text) {
    CacheInfoFile info;
    for (auto line : split(text, '\n')) {
        auto colon = line.find(':');
        if (colon == line.npos) continue; // as Nix does: lines that say nothing are none of our business
        auto key = line.substr(0, colon);
        auto value = trim(line.substr(colon + 1));
        if (key == "StoreDir") {
            if (!value.starts_with('/'))
                return Failure(FailureKind::protocol,
                               "bad nix-cache-info: StoreDir '" + quoted_reply(value, 200) + "' is no absolute path");
            info.store_dir = value;
        } else if (key == "WantMassQuery") {
            info.want_mass_query = value == "1";
        } else if (key == "Priority") {
            // As std::stoi does for Nix: what stands behind the digits is nothing to it.
            if (value.starts_with('+')) value.remove_prefix(1);
            auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), info.priority);
            if (error != std::errc{})
                return Failure(FailureKind::protocol,
                               "bad nix-cache-info: Priority '" + quoted_reply(value, 80) + "' is no number");
        }
    }
    return info;
}

std::string CacheInfoFile::to_string() const {
    return "StoreDir: " + store_dir + "\nWantMassQuery: " + (want_mass_query ? "1" : "0") +
           "\nPriority: " + std::to_string(priority) + "\n";
}

} // namespace cachefill::nix
