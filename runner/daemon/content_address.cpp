#include "daemon/content_address.hpp"

#include "base/files.hpp"
#include "codec/hash.hpp"

namespace cachefill::daemon {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t longest_text = 1U << 20; // derivations of whole systems stay well below

bool is_plain_file(const fs::path& object) {
    constexpr auto executable = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;
    std::error_code error;
    auto status = fs::symlink_status(object, error);
    return fs::is_regular_file(status) && (status.permissions() & executable) == fs::perms::none;
}

} // namespace

void find_content_address(nix::PathInfo& info, const fs::path& object) {
    if (!info.content_address.empty() || info.ultimate) return;
    auto note = [&info](std::string address) {
        bool is_its_own = nix::content_address_matches(info.path, address, info.references);
        if (is_its_own) info.content_address = std::move(address);
        return is_its_own;
    };
    if (note("fixed:r:" + info.nar_hash.to_string())) return;
    if (!info.signatures.empty() || info.nar_size > longest_text || !is_plain_file(object)) return;
    if (auto text = read_file(object, longest_text))
        note("text:" + codec::hash_bytes(codec::HashAlgorithm::sha256, *text).to_string());
}

} // namespace cachefill::daemon
