#pragma once

#include "codec/compression.hpp"
#include "codec/hash.hpp"
#include "nix/narinfo.hpp"

#include <memory>

namespace cachefill::cache {

// Compares a compressed NAR with what its narinfo states, as its bytes come: file hash and size (where stated), NAR
// hash and size. Memory does not grow with the NAR, whatever the bytes unfold to. Every difference is a protocol
// failure.
class NarChecker {
  public:
    // `kept`, if given, receives the unpacked NAR.
    static Result<NarChecker> make(const nix::NarInfo& info, std::string* kept = nullptr);

    Result<void> write(std::string_view bytes);
    Result<void> finish();

  private:
    NarChecker(const nix::NarInfo& info, std::unique_ptr<codec::Decompressor> decompressor, std::string* kept);
    Result<void> take_unpacked();

    std::optional<codec::Hash> file_hash_;
    std::optional<std::uint64_t> file_size_;
    codec::Hash nar_hash_;
    std::uint64_t nar_size_;
    std::unique_ptr<codec::Decompressor> decompressor_;
    codec::Hasher file_hasher_;
    codec::Hasher nar_hasher_;
    std::uint64_t file_bytes_ = 0;
    std::uint64_t nar_bytes_ = 0;
    std::string unpacked_;
    std::string* kept_;
};

} // namespace cachefill::cache
