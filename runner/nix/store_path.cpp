#include "nix/store_path.hpp"

#include "base/quoted_reply.hpp"
#include "base/text.hpp"
#include "codec/encoding.hpp"

#include <array>

namespace cachefill::nix {

namespace {

constexpr std::size_t longest_name = 211;

constexpr std::array<bool, 256> make_name_table() {
    std::array<bool, 256> allowed{};
    for (unsigned c = '0'; c <= '9'; ++c) allowed[c] = true;
    for (unsigned c = 'a'; c <= 'z'; ++c) allowed[c] = true;
    for (unsigned c = 'A'; c <= 'Z'; ++c) allowed[c] = true;
    for (char c : {'+', '-', '.', '_', '?', '='}) allowed[static_cast<unsigned char>(c)] = true;
    return allowed;
}
constexpr auto name_characters = make_name_table();

Failure bad_path(std::string_view path, std::string_view why) {
    return Failure(FailureKind::protocol, "'" + quoted_reply(path, 300) + "' is not a store path: " + std::string(why));
}

Result<std::string_view> below_store_dir(std::string_view path) {
    if (!path.starts_with(store_dir) || path.size() <= store_dir.size() || path[store_dir.size()] != '/')
        return bad_path(path, "it is not in " + std::string(store_dir));
    return path.substr(store_dir.size() + 1);
}

} // namespace

Result<StorePath> StorePath::parse_base_name(std::string_view base_name) {
    if (base_name.size() <= hash_part_length || base_name[hash_part_length] != '-' ||
        !codec::is_nix32(base_name.substr(0, hash_part_length)))
        return bad_path(base_name, "it does not begin with a hash of 32 digits and '-'");
    auto name = base_name.substr(hash_part_length + 1);
    if (name.empty()) return bad_path(base_name, "it has no name after the hash");
    if (name.size() > longest_name)
        return bad_path(base_name, "its name has " + std::to_string(name.size()) + " characters, 211 are allowed");
    for (char c : name)
        if (!name_characters[static_cast<unsigned char>(c)])
            return bad_path(base_name, "its name has a character other than 0-9 a-z A-Z + - . _ ? =");
    return StorePath(std::string(base_name));
}

Result<StorePath> StorePath::parse(std::string_view path) {
    TRY(base_name, below_store_dir(path));
    return parse_base_name(base_name);
}

Result<std::pair<StorePath, std::string>> StorePath::parse_inside(std::string_view path) {
    TRY(below, below_store_dir(path));
    auto end = std::min(below.find('/'), below.size());
    TRY(store_path, parse_base_name(below.substr(0, end)));
    return std::pair(std::move(store_path), std::string(below.substr(end)));
}

} // namespace cachefill::nix
