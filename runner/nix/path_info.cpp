#include "nix/path_info.hpp"

#include "codec/encoding.hpp"
#include "nix/locked_path.hpp"
#include "nix/path_hash.hpp"

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
    auto base_name = path_hash("text", hash, name) + "-" + std::string(name);
    return {StorePath::parse_base_name(base_name).value(), "text:" + hash.to_string()};
}

StorePath locked_path(const Hash& nar_hash) {
    return StorePath::parse_base_name(path_hash("source", nar_hash, "source") + "-source").value();
}

bool is_content_address(std::string_view text) {
    auto colon = text.find(':');
    auto kind = text.substr(0, colon);
    if (colon == text.npos || (kind != "text" && kind != "fixed")) return false;
    text.remove_prefix(colon + 1);
    if (kind == "fixed" && text.starts_with("r:")) text.remove_prefix(2);
    if (kind == "fixed" && text.starts_with("git:")) text.remove_prefix(4);
    if (text.find(':') == text.npos) return false; // an SRI hash is not taken here
    return text.starts_with("blake3:") || Hash::parse(text).has_value();
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
        return path.hash_part() == path_hash(with_references("text", path, references), *hash, path.name());
    }
    if (recursive && is_sha256)
        return path.hash_part() == path_hash(with_references("source", path, references), *hash, path.name());
    if (!references.empty()) return false;
    auto inner = codec::hash_bytes(HashAlgorithm::sha256,
                                   "fixed:out:" + std::string(recursive ? "r:" : "") + base16_spelling(*hash) + ":");
    return path.hash_part() == path_hash("output:out", inner, path.name());
}

} // namespace cachefill::nix
