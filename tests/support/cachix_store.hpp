#pragma once

#include "codec/compression.hpp"
#include "nix/signature.hpp"
#include "nix/store_path.hpp"

#include <filesystem>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace cachefill::test {

// What the stand-in of Cachix knows and keeps: narinfos, NARs, open uploads, pins, keys; in a directory, so that it
// survives a restart and may be larger than memory. Not thread-safe.
class CachixStore {
  public:
    // `upstreams`: directory caches, or files that list store hashes.
    CachixStore(std::filesystem::path directory, std::string cache_name, bool self_signed,
                std::vector<std::filesystem::path> upstreams);

    // "NAME.cachix.org-1"
    std::string key_name() const { return cache_name_ + ".cachix.org-1"; }
    bool is_self_signed() const { return self_signed_; }
    // None on a self-signed cache that was given none.
    std::optional<nix::PublicKey> public_key() const { return public_key_; }
    void set_public_key(std::string bytes);

    bool has(const std::string& hash) const { return entries_.contains(hash); }
    bool is_upstream(const std::string& hash) const;
    std::vector<std::string> hashes() const;
    bool remove(const std::string& hash);
    // Whether everything the path references, transitively, is here or upstream.
    bool is_complete(const std::string& hash);
    std::optional<std::string> narinfo(const std::string& hash) const;
    std::optional<std::filesystem::path> find_nar(const std::string& file_name) const;

    struct UploadIds {
        std::string nar_id;
        std::string upload_id;
    };
    UploadIds create_upload(codec::Compression compression);
    bool has_upload(const UploadIds& ids) const;
    std::size_t open_uploads() const { return uploads_.size(); }
    // The part's MD5 in hexadecimal.
    std::string put_part(const std::string& nar_id, int number, std::string_view bytes);
    void abort_upload(const std::string& nar_id);

    // The narInfoCreate of `complete`, already checked for form.
    struct NarInfoCreate {
        std::string store_hash, store_suffix, nar_hash, file_hash, deriver;
        std::uint64_t nar_size = 0, file_size = 0;
        std::vector<std::string> references;
        std::optional<std::string> signature; // base64
    };
    // Closes the upload with these parts (number, MD5) and makes the narinfo. A failure says what S3 or Cachix would.
    Result<void> complete_upload(const std::string& nar_id, const std::vector<std::pair<int, std::string>>& parts,
                                 const NarInfoCreate& create);

    std::map<std::string, std::string>& pins() { return pins_; }
    void save_pins() const;

  private:
    struct Upload {
        std::string upload_id;
        codec::Compression compression;
        std::map<int, std::pair<std::string, std::uint64_t>> parts; // MD5 and size
    };
    struct Entry {
        std::vector<std::string> references; // hashes, itself left out
    };

    void load();
    void load_narinfo(const std::filesystem::path& file);
    std::filesystem::path upload_directory(const std::string& nar_id) const { return directory_ / "uploads" / nar_id; }
    Result<void> check_parts(const Upload& upload, const std::vector<std::pair<int, std::string>>& parts) const;
    Result<std::string> sign(const NarInfoCreate& create) const;

    std::filesystem::path directory_;
    std::string cache_name_;
    bool self_signed_;
    std::vector<std::filesystem::path> upstream_directories_;
    std::unordered_set<std::string> upstream_hashes_;
    std::optional<nix::SecretKey> secret_key_;
    std::optional<nix::PublicKey> public_key_;
    std::unordered_map<std::string, Entry> entries_;
    std::unordered_set<std::string> complete_; // known to be, until something is removed
    std::map<std::string, Upload> uploads_;
    std::map<std::string, std::string> pins_;
};

} // namespace cachefill::test
