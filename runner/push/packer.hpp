#pragma once

#include "codec/compression.hpp"
#include "codec/hash.hpp"
#include "push/nar_dump.hpp"

#include <memory>
#include <string>

namespace cachefill::push {

struct PackRequest {
    std::filesystem::path root; // where the files are
    codec::Hash nar_hash;       // what the store recorded
    std::uint64_t nar_size = 0;
    codec::CompressionSettings compression; // size_hint is filled in
    std::uint64_t part_size = 0;            // of the pieces that come out
};

// More bytes than `size` bytes become by any method of compression, in the worst case.
std::uint64_t compressed_bound(std::uint64_t size);

// A tree on disk as a compressed NAR, in pieces: read, hash, compare with what the store recorded, compress, hash. The
// last piece, without which nothing can be unpacked, comes out only if hash and size are the recorded ones.
//
// Blocks and burns: next() runs on a worker, one call at a time. Memory: one part, one block of input and the
// compressor's own, also at the end, when a compressor with several threads still has many blocks to hand out.
class Packer {
  public:
    explicit Packer(PackRequest request);

    struct Piece {
        std::string bytes; // part_size of them, fewer in the last piece; none when only the time was up
        bool is_last = false;
    };
    // Comes back after a tenth of a second or so at the latest, so that a worker is never taken for long. A failure of
    // kind store says that the files are not what the store recorded.
    Result<Piece> next();

    // Of the compressed NAR, after the last piece.
    const codec::Hash& file_hash() const { return file_hash_; }
    std::uint64_t file_size() const { return file_size_; }

  private:
    Result<void> work();
    Result<void> feed();
    bool has_piece() const;
    void make_room();
    Result<void> read_block();
    Result<void> end_input();
    Result<void> end_output();
    Piece take_piece();

    PackRequest request_;
    NarDump dump_;
    std::unique_ptr<codec::Compressor> compressor_;
    std::size_t block_size_;
    std::unique_ptr<char[]> block_;
    std::string_view input_; // of the block: what the compressor has not taken yet
    bool was_last_block_ = false;
    codec::Hasher nar_hasher_{codec::HashAlgorithm::sha256};
    codec::Hasher file_hasher_{codec::HashAlgorithm::sha256};
    std::uint64_t nar_read_ = 0;
    std::string out_;
    std::size_t hashed_ = 0; // bytes of out_
    codec::Hash file_hash_;
    std::uint64_t file_size_ = 0;
    bool input_ended_ = false; // and is what was recorded
    bool is_whole_ = false;    // all of it has come out of the compressor
};

} // namespace cachefill::push
