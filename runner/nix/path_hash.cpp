#include "nix/path_hash.hpp"

#include "codec/encoding.hpp"
#include "nix/store_path.hpp"

namespace cachefill::nix {

std::string base16_spelling(const codec::Hash& hash) {
    return std::string(codec::to_string(hash.algorithm())) + ":" + hash.to_base16();
}

std::string path_hash(std::string_view type, const codec::Hash& content, std::string_view name) {
    auto text =
        std::string(type) + ":" + base16_spelling(content) + ":" + std::string(store_dir) + ":" + std::string(name);
    auto digest = codec::hash_bytes(codec::HashAlgorithm::sha256, text);
    std::string folded(20, '\0');
    for (std::size_t i = 0; i < digest.digest().size(); ++i)
        folded[i % folded.size()] = static_cast<char>(folded[i % folded.size()] ^ digest.digest()[i]);
    return codec::to_nix32(folded);
}

} // namespace cachefill::nix
