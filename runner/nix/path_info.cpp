#include "nix/path_info.hpp"

#include "codec/encoding.hpp"
#include "nix/locked_path.hpp"

#include <algorithm>
#include <array>

namespace cachefill::nix {

namespace {

using codec::Hash;
using codec::HashAlgorithm;

std::vector<StorePath> sorted(std::vector<StorePath> paths) {
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    return paths;
}

// "sha256:" + base 16: how hashes are spelled inside of what store paths are made from.
std::string base16_spelling(const Hash& hash) {
    return std::string(codec::to_string(hash.algorithm())) + ":" + hash.to_base16();
}

// The hash part of the path of this type, content and name (Nix, libstore/store-api.cc, "store path computation"): a
// SHA-256 folded to 160 bits.
std::string hash_part(const std::string& type, const Hash& content, std::string_view name) {
    auto text = type + ":" + base16_spelling(content) + ":" + std::string(store_dir) + ":" + std::string(name);
    auto digest = codec::hash_bytes(HashAlgorithm::sha256, text);
    std::string folded(20, '\0');
    for (std::size_t i = 0; i < digest.digest().size(); ++i)
        folded[i % folded.size()] = static_cast<char>(folded[i % folded.size()] ^ digest.digest()[i]);
    return codec::to_nix32(folded);
}

std::string with_references(std::string type, const StorePath& path, const std::vector<StorePath>& references) {
    bool itself = false;
    for (const auto& reference : sorted(references)) {
        if (reference == path)
            itself = true;
        else
            type += ":" + reference.to_string();
    }
    if (itself) type += ":self";
    return type;
}

} // namespace

std::string fingerprint(const StorePath& path, const Hash& nar_hash, std::uint64_t nar_size,
                        const std::vector<StorePath>& references) {
    auto text = "1;" + path.to_string() + ";" + nar_hash.to_string() + ";" + std::to_string(nar_size) + ";";
    bool first = true;
    for (const auto& reference : sorted(references)) {
        if (!first) text += ",";
        first = false;
        text += reference.to_string();
    }
    return text;
}

std::pair<StorePath, std::string> text_path(std::string_view name, std::string_view text) {
    auto hash = codec::hash_bytes(HashAlgorithm::sha256, text);
    auto base_name = hash_part("text", hash, name) + "-" + std::string(name);
    return {StorePath::parse_base_name(base_name).value(), "text:" + hash.to_string()};
}

StorePath locked_path(const Hash& nar_hash) {
    return StorePath::parse_base_name(hash_part("source", nar_hash, "source") + "-source").value();
}

bool content_address_matches(const StorePath& path, std::string_view content_address,
                             const std::vector<StorePath>& references) {
    auto drop = [&](std::string_view prefix) {
        if (!content_address.starts_with(prefix)) return false;
        content_address.remove_prefix(prefix.size());
        return true;
    };
    bool text = drop("text:");
    if (!text && !drop("fixed:")) return false;
    bool recursive = !text && drop("r:");
    auto hash = Hash::parse(content_address);
    if (!hash) return false;

    bool refers_to_itself = std::find(references.begin(), references.end(), path) != references.end();
    bool is_sha256 = hash->algorithm() == HashAlgorithm::sha256;
    if (text) {
        // A text is written before its path is known, so it cannot name itself.
        if (refers_to_itself || !is_sha256) return false;
        return path.hash_part() == hash_part(with_references("text", path, references), *hash, path.name());
    }
    if (recursive && is_sha256)
        return path.hash_part() == hash_part(with_references("source", path, references), *hash, path.name());
    if (!references.empty()) return false;
    auto inner = codec::hash_bytes(HashAlgorithm::sha256,
                                   "fixed:out:" + std::string(recursive ? "r:" : "") + base16_spelling(*hash) + ":");
    return path.hash_part() == hash_part("output:out", inner, path.name());
}

} // namespace cachefill::nix
