#include "fill/derivation_damage.hpp"

#include "base/files.hpp"
#include "codec/hash.hpp"
#include "nix/nar.hpp"

namespace cachefill::fill {

namespace {

codec::Hash nar_hash_of_file(std::string_view content) {
    nix::NarWriter writer;
    std::string before, after;
    writer.begin_archive(before);
    writer.begin_file(false, content.size(), before);
    writer.end_file(content.size(), after);
    codec::Hasher hasher(codec::HashAlgorithm::sha256);
    for (auto part : {std::string_view(before), content, std::string_view(after)}) hasher.update(part);
    return hasher.finish();
}

} // namespace

async::Task<bool> is_damaged(daemon::Connection& connection, const daemon::Endpoint& endpoint,
                             nix::StorePath derivation) {
    auto info = co_await connection.query_path_info(derivation);
    if (!info || !*info) co_return false;
    std::error_code error;
    auto file = endpoint.physical(derivation);
    if (!std::filesystem::exists(file, error)) co_return !error;
    auto content = read_file(file);
    co_return content&& nar_hash_of_file(*content) != (*info)->nar_hash;
}

std::string repair_hint(const nix::StorePath& derivation) {
    return "this file of the store is damaged; delete it, and evaluating writes it anew: nix-store --delete "
           "$(nix-store --query --referrers-closure " +
           derivation.to_string() + ")";
}

} // namespace cachefill::fill
