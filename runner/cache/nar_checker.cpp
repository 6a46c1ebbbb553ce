#include "cache/nar_checker.hpp"

namespace cachefill::cache {

namespace {

// Four bytes of zstd can unfold to 128 KiB; with slices of this size no more than 32 MiB are in memory at once.
constexpr std::size_t slice_size = 1024;

Failure differs(std::string_view what, const std::string& is, const std::string& stated) {
    return Failure(FailureKind::protocol,
                   "the " + std::string(what) + " is " + is + ", but the narinfo states " + stated);
}

} // namespace

NarChecker::NarChecker(const nix::NarInfo& info, std::unique_ptr<codec::Decompressor> decompressor, std::string* kept)
    : file_hash_(info.file_hash), file_size_(info.file_size), nar_hash_(info.nar_hash), nar_size_(info.nar_size),
      decompressor_(std::move(decompressor)),
      file_hasher_(info.file_hash ? info.file_hash->algorithm() : codec::HashAlgorithm::sha256),
      nar_hasher_(info.nar_hash.algorithm()), kept_(kept) {}

Result<NarChecker> NarChecker::make(const nix::NarInfo& info, std::string* kept) {
    TRY(decompressor, codec::make_decompressor(info.compression, info.nar_size));
    if (kept) kept->clear();
    return NarChecker(info, std::move(decompressor), kept);
}

Result<void> NarChecker::write(std::string_view bytes) {
    file_bytes_ += bytes.size();
    if (file_size_ && file_bytes_ > *file_size_)
        return Failure(FailureKind::protocol,
                       "the file is longer than the " + std::to_string(*file_size_) + " bytes the narinfo states");
    file_hasher_.update(bytes);
    while (!bytes.empty()) {
        auto slice = bytes.substr(0, slice_size);
        bytes.remove_prefix(slice.size());
        TRY_VOID(decompressor_->write(slice, unpacked_));
        TRY_VOID(take_unpacked());
    }
    return {};
}

Result<void> NarChecker::take_unpacked() {
    nar_bytes_ += unpacked_.size();
    nar_hasher_.update(unpacked_);
    if (kept_) *kept_ += unpacked_;
    unpacked_.clear();
    if (nar_bytes_ > nar_size_)
        return Failure(FailureKind::protocol,
                       "the NAR is longer than the " + std::to_string(nar_size_) + " bytes the narinfo states");
    return {};
}

Result<void> NarChecker::finish() {
    if (file_size_ && file_bytes_ != *file_size_)
        return differs("file's size", std::to_string(file_bytes_), std::to_string(*file_size_));
    auto file_hash = file_hasher_.finish();
    if (file_hash_ && file_hash != *file_hash_)
        return differs("file's hash", file_hash.to_string(), file_hash_->to_string());
    TRY_VOID(decompressor_->finish(unpacked_));
    TRY_VOID(take_unpacked());
    if (nar_bytes_ != nar_size_) return differs("NAR's size", std::to_string(nar_bytes_), std::to_string(nar_size_));
    auto nar_hash = nar_hasher_.finish();
    if (nar_hash != nar_hash_) return differs("NAR's hash", nar_hash.to_string(), nar_hash_.to_string());
    return {};
}

} // namespace cachefill::cache
