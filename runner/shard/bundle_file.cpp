#include "shard/bundle_file.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cachefill::shard {

namespace {

constexpr std::size_t read_at_once = 256 * 1024;
// Four bytes may unfold to 128 KiB (a block of zstd's that repeats one byte), so that these become 16 MiB at most.
constexpr std::size_t bite = 512;
constexpr std::size_t piece = 256 * 1024; // of the payload, about

} // namespace

BundleReader::BundleReader(std::filesystem::path name, FileDescriptor file)
    : name_(std::move(name)), file_(std::move(file)),
      decompressor_(codec::make_decompressor(codec::Compression::zstd).value()),
      parser_(std::make_unique<BundleParser>()) {}

Failure BundleReader::told(Failure failure) const {
    return std::move(failure)
        .with_context("reading the bundle " + sanitize(name_.string()))
        .with_hint("make it anew, of this commit and by the same version of cachefill: cachefill plan --shards "
                   "--bundle FILE");
}

Result<BundleReader> BundleReader::open(const std::filesystem::path& file) {
    // O_NONBLOCK: a pipe must be refused, not waited for.
    FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    int error = errno;
    BundleReader reader(file, std::move(opened));
    if (!reader.file_.is_open()) return reader.told(errno_failure("cannot open", file, error));
    struct stat info {};
    if (::fstat(reader.file_.get(), &info) != 0) return reader.told(errno_failure("cannot look at", file, errno));
    if (!S_ISREG(info.st_mode))
        return reader.told(Failure(FailureKind::machine, S_ISDIR(info.st_mode) ? "it is a folder" : "it is no file"));
    while (!reader.parser_->bundle()) {
        if (reader.ended_) return reader.told(Failure(FailureKind::protocol, "it ends too early"));
        TRY(payload, reader.read_on());
        reader.ready_ += payload;
    }
    return reader;
}

Result<std::string> BundleReader::next() {
    std::string payload = std::move(ready_);
    ready_ = {};
    while (payload.size() < piece && !ended_) {
        TRY(more, read_on());
        payload += more;
    }
    if (!payload.empty()) return payload;
    auto whole = parser_->finish();
    if (!whole) return told(std::move(whole).error());
    return payload;
}

Result<std::string> BundleReader::read_on() {
    std::string payload;
    auto parse = [&](std::string_view bytes) {
        return parser_->write(bytes, [&payload](std::string_view taken) { payload += taken; });
    };
    if (left_ == 0) {
        buffer_.resize(read_at_once);
        ssize_t count = 0;
        do count = ::read(file_.get(), buffer_.data(), buffer_.size());
        while (count < 0 && errno == EINTR);
        if (count < 0) return told(errno_failure("cannot read", name_, errno));
        buffer_.resize(static_cast<std::size_t>(count));
        left_ = buffer_.size();
    }
    auto bytes = std::string_view(buffer_).substr(buffer_.size() - left_).substr(0, bite);
    left_ -= bytes.size();
    ended_ = bytes.empty();
    auto done = ended_ ? decompressor_->finish(parse) : decompressor_->write(bytes, parse);
    if (!done) return told(std::move(done).error());
    return payload;
}

} // namespace cachefill::shard
