#pragma once

#include "cache/nar_look.hpp"
#include "codec/compression.hpp"
#include "codec/hash.hpp"

#include <memory>

namespace cachefill::cache {

// Compares a compressed NAR with what its narinfo states, as its bytes come. NAR hash and size must be the stated ones,
// else it is a protocol failure; where Nix does not look (see nar_look.hpp) a difference is a remark. Memory does not
// grow with the NAR, whatever the bytes unfold to.
class NarChecker {
  public:
    // `kept`, if given, receives the unpacked NAR. `info` must outlive this.
    explicit NarChecker(const nix::NarInfo& info, std::string* kept = nullptr);

    Result<void> write(std::string_view bytes);
    Result<NarRemarks> finish();

  private:
    Result<void> begin_unpacking();
    Result<void> unpack(std::string_view bytes);
    void take_unpacked();
    Result<void> check_nar_hash();
    Result<void> check_unpacked();

    const nix::NarInfo& info_;
    std::string beginning_; // until it tells how it is compressed
    bool began_ = false;
    codec::Compression actual_ = codec::Compression::unknown;
    std::unique_ptr<codec::Decompressor> decompressor_; // none: this cannot be unpacked here
    codec::Hasher file_hasher_;
    codec::Hasher nar_hasher_{codec::HashAlgorithm::sha256};
    std::uint64_t file_bytes_ = 0;
    std::uint64_t nar_bytes_ = 0;
    std::string unpacked_;
    std::string* kept_;
};

} // namespace cachefill::cache
