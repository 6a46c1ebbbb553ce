#include "cache/nar_checker.hpp"

#include <algorithm>

namespace cachefill::cache {

namespace {

// Four bytes of zstd can unfold to 128 KiB; with slices of this size no more than 32 MiB are in memory at once.
constexpr std::size_t slice_size = 1024;
constexpr std::uint64_t most_behind = 64ULL << 20; // more than a slice can unfold to

Failure differs(std::string_view what, const std::string& is, const std::string& stated) {
    return Failure(FailureKind::protocol,
                   "the " + std::string(what) + " is " + is + ", but the narinfo states " + stated);
}

} // namespace

NarChecker::NarChecker(const nix::NarInfo& info, std::string* kept)
    : info_(info), file_hasher_(info.file_hash ? info.file_hash->algorithm() : codec::HashAlgorithm::sha256),
      kept_(kept) {
    if (kept) kept->clear();
}

Result<void> NarChecker::write(std::string_view bytes) {
    file_bytes_ += bytes.size();
    file_hasher_.update(bytes);
    if (began_) return unpack(bytes);
    beginning_ += bytes;
    if (beginning_.size() < telling_bytes) return {};
    TRY_VOID(begin_unpacking());
    return unpack(std::exchange(beginning_, {}));
}

Result<void> NarChecker::begin_unpacking() {
    began_ = true;
    FileLook file;
    file.is_there = true;
    file.beginning = beginning_;
    auto judged = judge(info_, file);
    if (judged.state != NarState::there) return Failure(FailureKind::protocol, judged.why);
    actual_ = info_.compression == codec::Compression::brotli ? info_.compression : recognize(beginning_);
    // What stands behind the NAR's end is noticed, not unpacked.
    auto made = codec::make_decompressor(actual_, info_.nar_size + most_behind);
    if (made) decompressor_ = *std::move(made);
    return {};
}

Result<void> NarChecker::unpack(std::string_view bytes) {
    while (decompressor_ && !bytes.empty() && nar_bytes_ <= info_.nar_size) {
        auto slice = bytes.substr(0, slice_size);
        bytes.remove_prefix(slice.size());
        TRY_VOID(decompressor_->write(slice, unpacked_));
        take_unpacked();
        if (nar_bytes_ > info_.nar_size) return check_nar_hash();
    }
    return {};
}

void NarChecker::take_unpacked() {
    auto left = info_.nar_size - std::min(info_.nar_size, nar_bytes_);
    auto ours = std::string_view(unpacked_).substr(
        0, static_cast<std::size_t>(std::min<std::uint64_t>(left, unpacked_.size())));
    nar_hasher_.update(ours);
    if (kept_) *kept_ += ours;
    nar_bytes_ += unpacked_.size();
    unpacked_.clear();
}

Result<void> NarChecker::check_unpacked() {
    if (nar_bytes_ > info_.nar_size) return {}; // it was looked at when its end came
    TRY_VOID(decompressor_->finish(unpacked_));
    take_unpacked();
    if (nar_bytes_ < info_.nar_size)
        return differs("NAR's size", std::to_string(nar_bytes_), std::to_string(info_.nar_size));
    return check_nar_hash();
}

Result<void> NarChecker::check_nar_hash() {
    auto nar_hash = nar_hasher_.finish();
    if (nar_hash == info_.nar_hash) return {};
    if (nar_bytes_ > info_.nar_size)
        return Failure(FailureKind::protocol,
                       "the NAR is longer than the " + std::to_string(info_.nar_size) + " bytes the narinfo states");
    return differs("NAR's hash", nar_hash.to_string(), info_.nar_hash.to_string());
}

Result<NarRemarks> NarChecker::finish() {
    if (file_bytes_ == 0) return Failure(FailureKind::protocol, "its archive is empty");
    if (!began_) {
        TRY_VOID(begin_unpacking());
        TRY_VOID(unpack(std::exchange(beginning_, {})));
    }
    bool has_stated_hash = info_.file_hash && file_hasher_.finish() == *info_.file_hash;
    NarRemarks remarks;
    if (info_.file_size && file_bytes_ != *info_.file_size) remarks.push_back(NarRemark::wrong_file_size);
    if (info_.file_hash && !has_stated_hash) remarks.push_back(NarRemark::wrong_file_hash);
    if (decompressor_) {
        TRY_VOID(check_unpacked());
        if (nar_bytes_ > info_.nar_size) remarks.push_back(NarRemark::longer);
        return remarks;
    }
    if (kept_)
        return Failure(FailureKind::protocol,
                       "cannot unpack what is compressed with " + std::string(codec::to_string(actual_)));
    // Whole or not cannot be told by its content, so what was stated of the file has to do.
    if (info_.file_size && file_bytes_ != *info_.file_size)
        return differs("file's size", std::to_string(file_bytes_), std::to_string(*info_.file_size));
    if (info_.file_hash && !has_stated_hash)
        return Failure(FailureKind::protocol, "the file's hash is not the one that the narinfo states");
    remarks.push_back(NarRemark::not_unpacked);
    return remarks;
}

} // namespace cachefill::cache
