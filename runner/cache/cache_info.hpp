#pragma once

#include "codec/compression.hpp"
#include "nix/signature.hpp"

#include <string>
#include <vector>

namespace cachefill::cache {

enum class Permission { none, read, write };

struct CacheInfo {
    std::string name;                        // as people call it: "krit-nixos", "file:///srv/cache"
    std::string substituter_url;             // what a Nix configuration would name, to show; see substituter_of()
    std::vector<nix::PublicKey> public_keys; // empty: not known; then the cache's own signature cannot be judged
    bool is_public = true;
    Permission permission = Permission::none; // what our credentials allow
    codec::Compression preferred_compression = codec::Compression::zstd;
    int priority = 0;
    bool server_signs = false; // a managed Cachix cache; else we sign
    bool has_pins = false;
    bool has_bulk_query = false;            // see query_missing
    bool bulk_query_sees_archives = true;   // else it says what is in the server's books
    bool hides_incomplete_closures = false; // Cachix serves a narinfo only when its closure is there
    bool keeps_realisations = false;        // see get_realisation
    bool keeps_names = true;                // see set_name
    // It deletes by itself what nobody has asked for so long, and no pin keeps it: "30 days". Empty: nothing is known
    // of that.
    std::string retention = {};
    std::vector<std::string> upstream_key_names = {}; // whose paths its owner expects consumers to have from elsewhere
    std::vector<std::string> notes;                   // worth telling once, for instance that a signing key was made
};

} // namespace cachefill::cache
