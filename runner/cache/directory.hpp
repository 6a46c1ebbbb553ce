#pragma once

#include "cache/binary_cache.hpp"
#include "cache/contained_file.hpp"

#include <filesystem>

namespace cachefill::cache {

// The directory of a file cache. Read is only what is a file in it (contained_file.hpp). Everything here blocks: worker
// pool only.
class Directory {
  public:
    explicit Directory(std::filesystem::path root) : root_(std::move(root)) {}

    struct Opened {
        nix::CacheInfoFile info;
        std::vector<nix::PublicKey> public_keys;
        std::optional<nix::SecretKey> made_key;
        std::vector<std::string> notes;
    };
    // not_found when there is none.
    Result<Opened> open_for_reading() const;
    // Creates what is missing; without `key` and unless `trusted`, a signing key as well.
    Result<Opened> open_for_writing(std::optional<nix::SecretKey> key, bool trusted) const;

    Result<std::optional<std::string>> find_narinfo(const nix::StorePath& path) const;
    // Any other file of it, by its name.
    Result<std::optional<std::string>> find_text(const std::string& name) const;
    // The NAR; a protocol failure when `url`, or a link, leads out of the directory.
    Result<std::optional<ContainedFile>> open_nar(const std::string& url) const;

    const std::filesystem::path& root() const { return root_; }
    std::filesystem::path nar_directory() const { return root_ / "nar"; }
    std::filesystem::path secret_key_file() const { return root_.string() + ".signing-key"; }
    std::filesystem::path public_key_file() const { return root_ / "public-key"; }

  private:
    Result<nix::CacheInfoFile> read_info() const;
    Result<std::vector<nix::PublicKey>> read_public_keys() const;
    Result<nix::SecretKey> find_or_make_key(std::vector<std::string>& notes) const;
    Result<void> make_public(const nix::PublicKey& key, std::vector<nix::PublicKey>& known) const;
    void remove_leftovers() const;

    std::filesystem::path root_;
};

} // namespace cachefill::cache
