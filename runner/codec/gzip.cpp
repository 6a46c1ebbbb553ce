#include "codec/streams.hpp"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace cachefill::codec {

namespace {

constexpr int window_bits = 15;
constexpr int gzip_format = 16;   // added to window_bits: write a gzip header
constexpr int detect_format = 32; // added to window_bits: read gzip or zlib
constexpr int default_memory = 8; // zlib's own default

void give(z_stream& stream, std::string_view bytes) {
    // zlib's interface predates const; it does not write there.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
}

void offer(z_stream& stream, StreamBuffer& buffer) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
}

// z_stream counts in 32 bits; larger writes go through in pieces.
constexpr std::size_t largest_piece = 1U << 30;

class GzipCompressor final : public Compressor {
  public:
    explicit GzipCompressor(int level) {
        if (deflateInit2(&stream_, level, Z_DEFLATED, window_bits + gzip_format, default_memory, Z_DEFAULT_STRATEGY) !=
            Z_OK)
            throw std::bad_alloc();
    }
    GzipCompressor(const GzipCompressor&) = delete;
    GzipCompressor& operator=(const GzipCompressor&) = delete;
    ~GzipCompressor() override { deflateEnd(&stream_); }

    Result<void> write(std::string_view bytes, std::string& out) override {
        for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), largest_piece)))
            TRY_VOID(run(bytes.substr(0, largest_piece), Z_NO_FLUSH, out));
        return {};
    }
    Result<void> finish(std::string& out) override { return run({}, Z_FINISH, out); }

  private:
    Result<void> run(std::string_view bytes, int flush, std::string& out) {
        give(stream_, bytes);
        for (;;) {
            offer(stream_, buffer_);
            int code = deflate(&stream_, flush);
            out.append(buffer_.data(), buffer_.size() - stream_.avail_out);
            if (code == Z_STREAM_END) return {};
            if (code != Z_OK && code != Z_BUF_ERROR)
                return Failure(FailureKind::internal, "gzip compression failed with code " + std::to_string(code));
            if (flush == Z_NO_FLUSH && stream_.avail_out > 0) return {};
        }
    }

    z_stream stream_{};
    StreamBuffer buffer_;
};

// Of gzip, or of zlib's format with a header or without one.
class InflatingDecompressor : public Decompressor {
  public:
    InflatingDecompressor(std::string_view name, int bits, std::uint64_t output_limit)
        : name_(name), output_(output_limit) {
        if (inflateInit2(&stream_, bits) != Z_OK) throw std::bad_alloc();
    }
    InflatingDecompressor(const InflatingDecompressor&) = delete;
    InflatingDecompressor& operator=(const InflatingDecompressor&) = delete;
    ~InflatingDecompressor() override { inflateEnd(&stream_); }

    Result<void> write(std::string_view bytes, const Take& take) override {
        for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), largest_piece)))
            TRY_VOID(run(bytes.substr(0, largest_piece), take));
        return {};
    }

    Result<void> finish(const Take&) override {
        if (!whole_) return truncated_stream(name_, offset_);
        return {};
    }

  private:
    Result<void> run(std::string_view bytes, const Take& take) {
        give(stream_, bytes);
        bool more = true;
        while (stream_.avail_in > 0 || more) {
            if (whole_ && stream_.avail_in > 0) { // another member follows
                inflateReset(&stream_);
                whole_ = false;
            } else if (whole_) {
                break;
            }
            offer(stream_, buffer_);
            int code = inflate(&stream_, Z_NO_FLUSH);
            TRY_VOID(output_.pass({buffer_.data(), buffer_.size() - stream_.avail_out}, take));
            if (code == Z_STREAM_END)
                whole_ = true;
            else if (code != Z_OK && code != Z_BUF_ERROR)
                return broken_stream(name_, offset_ + bytes.size() - stream_.avail_in,
                                     stream_.msg ? stream_.msg : "zlib refuses it");
            more = stream_.avail_out == 0;
        }
        offset_ += bytes.size();
        return {};
    }

    std::string_view name_;
    z_stream stream_{};
    LimitedOutput output_;
    std::uint64_t offset_ = 0;
    bool whole_ = false;
    StreamBuffer buffer_;
};

// Its first two bytes tell whether there is a header: method 8, and both together a multiple of 31 (RFC 1950).
class DeflateDecompressor final : public Decompressor {
  public:
    explicit DeflateDecompressor(std::uint64_t output_limit) : limit_(output_limit) {}

    Result<void> write(std::string_view bytes, const Take& take) override {
        if (inner_) return inner_->write(bytes, take);
        auto missing = std::min<std::size_t>(2 - start_.size(), bytes.size());
        start_ += bytes.substr(0, missing);
        if (start_.size() < 2) return {};
        auto first = static_cast<unsigned char>(start_[0]);
        auto second = static_cast<unsigned char>(start_[1]);
        bool has_header = (first & 0x0F) == Z_DEFLATED && (first * 256 + second) % 31 == 0;
        inner_.emplace("deflate", has_header ? window_bits : -window_bits, limit_);
        TRY_VOID(inner_->write(start_, take));
        return inner_->write(bytes.substr(missing), take);
    }

    Result<void> finish(const Take& take) override {
        if (!inner_) return truncated_stream("deflate", start_.size());
        return inner_->finish(take);
    }

  private:
    std::uint64_t limit_;
    std::string start_;
    std::optional<InflatingDecompressor> inner_;
};

} // namespace

std::unique_ptr<Compressor> make_gzip_compressor(int level) { return std::make_unique<GzipCompressor>(level); }
std::unique_ptr<Decompressor> make_gzip_decompressor(std::uint64_t output_limit) {
    return std::make_unique<InflatingDecompressor>("gzip", window_bits + detect_format, output_limit);
}
std::unique_ptr<Decompressor> make_deflate_decompressor(std::uint64_t output_limit) {
    return std::make_unique<DeflateDecompressor>(output_limit);
}

} // namespace cachefill::codec
