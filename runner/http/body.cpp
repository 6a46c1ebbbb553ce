#include "http/body.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "http/content_encoding.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cachefill::http {

namespace {

constexpr std::size_t piece_size = 256 * 1024;
constexpr std::size_t small_slice = 64;

Failure too_long(std::uint64_t limit) {
    return Failure(FailureKind::protocol, "the answer is longer than the " + human_bytes(limit) + " it may have");
}

} // namespace

Result<void> BodyTarget::begin(int status, const std::vector<Header>& headers, std::optional<std::uint64_t> length) {
    to_sink_ = request_.sink && status >= 200 && status < 300;
    TRY(decoder, make_content_decoder(headers, to_sink_ ? codec::no_output_limit : request_.response_limit));
    decoder_ = std::move(decoder);
    if (!decoder_ && !to_sink_ && length && !request_.enough) {
        if (*length > request_.response_limit) return too_long(request_.response_limit);
        text_.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 1 << 20)));
    }
    return {};
}

Result<void> BodyTarget::write(std::string_view bytes) {
    if (has_enough_) return {};
    if (!decoder_) return deliver(bytes);
    decoder_used_ = true;
    // Where little is wanted, little is unpacked.
    auto slice_size = request_.enough ? small_slice : bytes.size();
    while (!bytes.empty() && !has_enough_) {
        auto slice = bytes.substr(0, slice_size);
        bytes.remove_prefix(slice.size());
        TRY_VOID(decode([&](const Take& take) { return decoder_->write(slice, take); }));
    }
    return {};
}

Result<void> BodyTarget::finish() {
    if (!decoder_used_) return {};  // also when nothing came: an empty body is encoded as nothing by some
    if (request_.enough) return {}; // a part of an answer need not be whole
    return decode([&](const Take& take) { return decoder_->finish(take); });
}

// Piece by piece: a few bytes can become gigabytes. What the receiver says of a piece is no fault of the encoding.
Result<void> BodyTarget::decode(const std::function<Result<void>(const Take&)>& step) {
    std::optional<Failure> refused;
    auto decoded = step([&](std::string_view piece) {
        auto delivered = deliver(piece);
        if (!delivered) refused = delivered.error();
        return delivered;
    });
    if (refused) return *refused;
    return with_context(std::move(decoded), "decoding the answer");
}

Result<void> BodyTarget::deliver(std::string_view decoded) {
    if (decoded.empty() || has_enough_) return {};
    if (to_sink_) return request_.sink(decoded);
    if (request_.enough) {
        text_ += decoded.substr(0, *request_.enough - text_.size());
        has_enough_ = text_.size() == *request_.enough;
        return {};
    }
    if (decoded.size() > request_.response_limit - text_.size()) return too_long(request_.response_limit);
    text_ += decoded;
    return {};
}

Result<FileBody> FileBody::open(const std::filesystem::path& path) {
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return errno_failure("cannot open", path, errno);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return errno_failure("cannot examine", path, errno);
    return FileBody(std::move(file), path, static_cast<std::uint64_t>(status.st_size));
}

Result<std::string_view> FileBody::next() {
    auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, size_ - offset_));
    buffer_.resize(wanted);
    for (std::size_t have = 0; have < wanted;) {
        auto count = ::pread(file_.get(), buffer_.data() + have, wanted - have, static_cast<off_t>(offset_));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno_failure("cannot read", path_, errno);
        if (count == 0)
            return Failure(FailureKind::machine, path_.string() + " got shorter while it was sent: it had " +
                                                     std::to_string(size_) + " bytes, now it has " +
                                                     std::to_string(offset_));
        have += static_cast<std::size_t>(count);
        offset_ += static_cast<std::uint64_t>(count);
    }
    return std::string_view(buffer_);
}

} // namespace cachefill::http
