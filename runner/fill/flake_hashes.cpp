#include "fill/flake_hashes.hpp"

#include "base/files.hpp"
#include "codec/hash.hpp"
#include "daemon/connection.hpp"

namespace cachefill::fill {

async::Task<FlakeHashes> flake_hashes(session::Session& session, const eval::FlakeInfo& flake) {
    FlakeHashes hashes;
    auto tree = flake.directory;
    if (flake.source) tree = session.endpoint().physical(*flake.source);
    if (auto text = read_file(tree / flake.subdirectory / "flake.lock"))
        hashes.lock = codec::hash_bytes(codec::HashAlgorithm::sha256, *text).to_string();
    if (!flake.source) co_return hashes;
    auto source = co_await session.connection().query_path_info(*flake.source);
    if (source && *source) hashes.source = (*source)->nar_hash.to_string();
    co_return hashes;
}

} // namespace cachefill::fill
