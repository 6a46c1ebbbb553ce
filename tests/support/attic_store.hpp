#pragma once

#include "codec/hash.hpp"
#include "nix/signature.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::test {

// What the stand-in of attic knows and keeps of one cache: objects (paths) that point to NARs by content; in a
// directory, so that it survives a restart. Not thread-safe.
class AtticStore {
  public:
    AtticStore(std::filesystem::path directory, const std::string& cache_name);

    nix::PublicKey public_key() const { return key_->public_key(); }

    // As the client described it; references in the order in which they came.
    struct Object {
        std::string store_path;
        std::vector<std::string> references, signatures;
        std::string content_address;
        std::string nar_hash; // base 16
        std::uint64_t nar_size = 0;
    };
    bool has(const std::string& hash) const { return objects_.contains(hash); }
    std::vector<std::string> hashes() const;
    // True: it was there.
    bool remove(const std::string& hash) { return forget(hash); }

    // Replaces what was there under that hash. What came is compared with what is said of it. True: there was a NAR of
    // that content.
    Result<bool> put(const std::string& hash, Object object, std::string_view nar);

    // Signed when it is asked for.
    std::optional<std::string> narinfo(const std::string& hash) const;
    // The compressed file.
    std::optional<std::filesystem::path> find_nar(const std::string& hash) const;

  private:
    void load();
    bool forget(const std::string& hash);
    std::filesystem::path nar_file(const std::string& nar_hash) const { return directory_ / "nars" / nar_hash; }

    std::filesystem::path directory_;
    std::optional<nix::SecretKey> key_;
    std::map<std::string, Object> objects_;
};

} // namespace cachefill::test
