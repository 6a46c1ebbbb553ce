#include "push/packer.hpp"

#include <algorithm>
#include <chrono>

namespace cachefill::push {

namespace {

constexpr std::uint64_t largest_block = 512 * 1024;
constexpr std::chrono::milliseconds longest_turn{100};

} // namespace

// zstd, xz and gzip store what they cannot compress in blocks with a few bytes of header each, and none adds nothing.
std::uint64_t compressed_bound(std::uint64_t size) { return size + size / 128 + 4096; }

Packer::Packer(PackRequest request)
    : request_(std::move(request)), dump_(request_.root),
      block_size_(static_cast<std::size_t>(std::clamp<std::uint64_t>(request_.nar_size, 1, largest_block))),
      block_(std::make_unique_for_overwrite<char[]>(block_size_)) {
    request_.compression.size_hint = request_.nar_size;
}

Result<Packer::Piece> Packer::next() {
    if (!compressor_ && !is_whole_) {
        TRY(compressor, codec::make_compressor(request_.compression));
        compressor_ = std::move(compressor);
    }
    auto until = std::chrono::steady_clock::now() + longest_turn;
    while (!is_whole_ && !has_piece() && std::chrono::steady_clock::now() < until) TRY_VOID(work());
    return take_piece();
}

// After the end of the input there may be nothing behind a full piece, which is the last one then.
bool Packer::has_piece() const {
    return out_.size() > request_.part_size || (out_.size() == request_.part_size && !input_ended_);
}

// A part's room at once: a string that grows as it is filled copies all that it has, again and again.
void Packer::make_room() {
    auto most = std::min(request_.part_size + largest_block, compressed_bound(request_.nar_size));
    out_.reserve(static_cast<std::size_t>(most));
}

// A little of it: what comes out beyond a part has to be copied, and is held twice for that time.
Result<void> Packer::work() {
    make_room();
    if (!input_.empty())
        TRY_VOID(feed());
    else if (!input_ended_)
        TRY_VOID(read_block());
    else
        TRY_VOID(end_output());
    file_hasher_.update(std::string_view(out_).substr(hashed_));
    file_size_ += out_.size() - hashed_;
    hashed_ = out_.size();
    if (is_whole_) file_hash_ = file_hasher_.finish();
    return {};
}

Result<void> Packer::read_block() {
    if (was_last_block_) return end_input();
    TRY(count, dump_.read({block_.get(), block_size_}));
    was_last_block_ = count < block_size_;
    nar_read_ += count;
    if (nar_read_ > request_.nar_size)
        return Failure(FailureKind::store, "its NAR has more than the " + std::to_string(request_.nar_size) +
                                               " bytes that the store recorded");
    input_ = {block_.get(), count};
    TRY_VOID(feed());
    // With several threads the compressor only takes the block over, so hashing runs beside it.
    nar_hasher_.update({block_.get(), count});
    return {};
}

Result<void> Packer::feed() {
    if (input_.empty()) return {};
    TRY(taken, compressor_->write_some(input_, out_));
    input_.remove_prefix(taken);
    return {};
}

Result<void> Packer::end_input() {
    if (nar_read_ != request_.nar_size)
        return Failure(FailureKind::store, "its NAR has " + std::to_string(nar_read_) +
                                               " bytes, but the store recorded " + std::to_string(request_.nar_size));
    auto hash = nar_hasher_.finish();
    if (hash != request_.nar_hash)
        return Failure(FailureKind::store, "its NAR hashes to " + hash.to_string() + ", but the store recorded " +
                                               request_.nar_hash.to_string());
    input_ended_ = true;
    block_.reset();
    return {};
}

Result<void> Packer::end_output() {
    TRY(was_all, compressor_->finish_some(out_));
    is_whole_ = was_all;
    if (is_whole_)
        compressor_.reset(); // its tables may be megabytes, and the last piece may wait for its turn to go out
    return {};
}

Packer::Piece Packer::take_piece() {
    Piece piece;
    auto part = static_cast<std::size_t>(request_.part_size);
    if (out_.size() > part) {
        std::string rest = out_.substr(part);
        out_.resize(part);
        piece.bytes = std::exchange(out_, std::move(rest));
    } else if (is_whole_ || has_piece()) {
        piece.bytes = std::exchange(out_, {});
        piece.is_last = is_whole_;
    }
    hashed_ = out_.size();
    // The budget counts sizes; what a growing string holds beyond them must not add up.
    if (piece.bytes.capacity() > piece.bytes.size() + piece.bytes.size() / 4) piece.bytes.shrink_to_fit();
    return piece;
}

} // namespace cachefill::push
