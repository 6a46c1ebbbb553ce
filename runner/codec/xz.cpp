#include "codec/streams.hpp"

#include <lzma.h>

#include <stdexcept>

namespace cachefill::codec {

namespace {

// xz -9 needs 65 MiB to decompress. What wants much more than that is not a NAR somebody made for others.
constexpr std::uint64_t decompression_memory_limit = 512ULL << 20;

class XzStream {
  public:
    XzStream() = default;
    XzStream(const XzStream&) = delete;
    XzStream& operator=(const XzStream&) = delete;
    ~XzStream() { lzma_end(&stream_); }

    lzma_stream* get() { return &stream_; }
    std::uint64_t offset() const { return stream_.total_in; }

    // One step; `out` takes what came of it, as a Result.
    template <class Take> Result<lzma_ret> step(lzma_action action, Take take) {
        stream_.next_out = reinterpret_cast<std::uint8_t*>(buffer_.data());
        stream_.avail_out = buffer_.size();
        auto code = lzma_code(&stream_, action);
        TRY_VOID(take(std::string_view(buffer_.data(), buffer_.size() - stream_.avail_out)));
        return code;
    }

    void give(std::string_view bytes) {
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
        stream_.avail_in = bytes.size();
    }
    bool is_drained() const { return stream_.avail_in == 0 && stream_.avail_out > 0; }

  private:
    lzma_stream stream_ = LZMA_STREAM_INIT;
    StreamBuffer buffer_;
};

std::string_view explain(lzma_ret code) {
    switch (code) {
    case LZMA_MEM_ERROR:
        return "not enough memory";
    case LZMA_MEMLIMIT_ERROR:
        return "it needs more than 512 MiB of memory";
    case LZMA_OPTIONS_ERROR:
        return "it uses options that are not supported";
    case LZMA_DATA_ERROR:
        return "the data is corrupt";
    case LZMA_BUF_ERROR:
        return "it is cut off";
    default:
        return "liblzma refuses it";
    }
}

class XzCompressor final : public Compressor {
  public:
    explicit XzCompressor(int level) {
        if (lzma_easy_encoder(stream_.get(), static_cast<std::uint32_t>(level), LZMA_CHECK_CRC64) != LZMA_OK)
            throw std::bad_alloc();
    }

    Result<void> write(std::string_view bytes, std::string& out) override {
        if (bytes.empty()) return {}; // a step without input is an error to liblzma
        return run(bytes, LZMA_RUN, out);
    }
    Result<void> finish(std::string& out) override { return run({}, LZMA_FINISH, out); }

  private:
    Result<void> run(std::string_view bytes, lzma_action action, std::string& out) {
        stream_.give(bytes);
        for (;;) {
            auto take = [&out](std::string_view piece) -> Result<void> {
                out.append(piece);
                return {};
            };
            TRY(code, stream_.step(action, take));
            if (code == LZMA_STREAM_END) return {};
            if (code != LZMA_OK)
                return Failure(FailureKind::machine, "xz cannot compress: " + std::string(explain(code)));
            if (action == LZMA_RUN && stream_.is_drained()) return {};
        }
    }

    XzStream stream_;
};

enum class Format { xz, lzip };

class XzDecompressor final : public Decompressor {
  public:
    XzDecompressor(Format format, std::uint64_t output_limit) : format_(format), output_(output_limit) {
        auto code = format == Format::xz
                        ? lzma_stream_decoder(stream_.get(), decompression_memory_limit, LZMA_CONCATENATED)
                        : lzma_lzip_decoder(stream_.get(), decompression_memory_limit, LZMA_CONCATENATED);
        if (code != LZMA_OK) throw std::bad_alloc();
    }

    Result<void> write(std::string_view bytes, const Take& take) override {
        if (bytes.empty()) return {};
        return run(bytes, LZMA_RUN, take);
    }
    Result<void> finish(const Take& take) override { return run({}, LZMA_FINISH, take); }

  private:
    Result<void> run(std::string_view bytes, lzma_action action, const Take& take) {
        auto name = format_ == Format::xz ? "xz" : "lzip";
        stream_.give(bytes);
        for (;;) {
            auto pass = [&](std::string_view piece) { return output_.pass(piece, take); };
            TRY(code, stream_.step(action, pass));
            if (code == LZMA_STREAM_END) return {};
            if (code == LZMA_BUF_ERROR) {
                if (action == LZMA_RUN) return {}; // took all, waits for more
                return truncated_stream(name, stream_.offset());
            }
            if (code == LZMA_FORMAT_ERROR)
                return broken_stream(name, stream_.offset(), "this is not " + std::string(name));
            if (code != LZMA_OK) return broken_stream(name, stream_.offset(), explain(code));
            if (action == LZMA_RUN && stream_.is_drained()) return {};
        }
    }

    Format format_;
    XzStream stream_;
    LimitedOutput output_;
};

} // namespace

std::unique_ptr<Compressor> make_xz_compressor(int level) { return std::make_unique<XzCompressor>(level); }
std::unique_ptr<Decompressor> make_xz_decompressor(std::uint64_t output_limit) {
    return std::make_unique<XzDecompressor>(Format::xz, output_limit);
}
std::unique_ptr<Decompressor> make_lzip_decompressor(std::uint64_t output_limit) {
    return std::make_unique<XzDecompressor>(Format::lzip, output_limit);
}

} // namespace cachefill::codec
