#include "codec/streams.hpp"

#include <zstd.h>

#include <stdexcept>

namespace cachefill::codec {

namespace {

struct FreeCompression {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompression {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

constexpr int small_job = 1 << 20;
constexpr int whole_window = 9;
constexpr int half_window = 8;
constexpr int highest_level_of_small_windows = 2; // at most such a job
constexpr int highest_level_of_small_jobs = 8;    // windows up to here are at most two of them

class ZstdCompressor final : public Compressor {
  public:
    explicit ZstdCompressor(const CompressionSettings& settings)
        : context_(ZSTD_createCCtx()), announced_(settings.size_hint) {
        if (!context_) throw std::bad_alloc();
        set(ZSTD_c_compressionLevel, settings.level);
        if (settings.threads > 1) {
            set(ZSTD_c_nbWorkers, settings.threads);
            // By itself it takes four windows at a time, and holds several of these for each thread. Smaller pieces
            // that refer back as far as their own length make the result no larger (256 MiB of programs: 102.0 MB; by
            // one thread 102.2) and hold some 5 MiB for each thread. No piece may be shorter than it refers back.
            if (settings.level <= highest_level_of_small_jobs) {
                set(ZSTD_c_jobSize, small_job);
                set(ZSTD_c_overlapLog, settings.level <= highest_level_of_small_windows ? whole_window : half_window);
            }
        }
        if (announced_ > 0 && ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(context_.get(), announced_)))
            throw std::logic_error("zstd takes no size");
    }

    Result<void> write(std::string_view bytes, std::string& out) override {
        while (!bytes.empty()) {
            TRY(taken, write_some(bytes, out));
            bytes.remove_prefix(taken);
        }
        return {};
    }

    Result<std::size_t> write_some(std::string_view bytes, std::string& out) override {
        if (announced_ > 0 && bytes.size() > announced_ - received_) {
            received_ = announced_;
            return wrong_size("more than");
        }
        ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
        TRY_VOID(step(input, ZSTD_e_continue, out));
        received_ += input.pos;
        return input.pos;
    }

    Result<void> finish(std::string& out) override {
        for (;;) {
            TRY(is_done, finish_some(out));
            if (is_done) return {};
        }
    }

    Result<bool> finish_some(std::string& out) override {
        if (announced_ > 0 && received_ != announced_) return wrong_size("only");
        ZSTD_inBuffer nothing{nullptr, 0, 0};
        TRY(left, step(nothing, ZSTD_e_end, out));
        return left == 0;
    }

  private:
    void set(ZSTD_cParameter parameter, int value) {
        auto done = ZSTD_CCtx_setParameter(context_.get(), parameter, value);
        if (ZSTD_isError(done)) throw std::logic_error(ZSTD_getErrorName(done));
    }

    Failure wrong_size(std::string_view relation) const {
        std::uint64_t seen = received_ < announced_ ? received_ : announced_;
        return Failure(FailureKind::store, "the data to compress has " + std::string(relation) + " " +
                                               std::to_string(seen) + " bytes, but " + std::to_string(announced_) +
                                               " were announced");
    }

    // What zstd would like to have next, or, at the end, how much it still has.
    Result<std::size_t> step(ZSTD_inBuffer& input, ZSTD_EndDirective directive, std::string& out) {
        ZSTD_outBuffer output{buffer_.data(), buffer_.size(), 0};
        auto left = ZSTD_compressStream2(context_.get(), &output, &input, directive);
        if (ZSTD_isError(left))
            return Failure(FailureKind::machine, "zstd cannot compress: " + std::string(ZSTD_getErrorName(left)));
        out.append(buffer_.data(), output.pos);
        return left;
    }

    std::unique_ptr<ZSTD_CCtx, FreeCompression> context_;
    std::uint64_t announced_; // 0 if unknown
    std::uint64_t received_ = 0;
    StreamBuffer buffer_;
};

class ZstdDecompressor final : public Decompressor {
  public:
    explicit ZstdDecompressor(std::uint64_t output_limit) : context_(ZSTD_createDCtx()), output_(output_limit) {
        if (!context_) throw std::bad_alloc();
    }

    Result<void> write(std::string_view bytes, const Take& take) override {
        ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
        bool more = true;
        while (input.pos < input.size || more) {
            ZSTD_outBuffer output{buffer_.data(), buffer_.size(), 0};
            auto before = input.pos;
            auto wanted = ZSTD_decompressStream(context_.get(), &output, &input);
            if (ZSTD_isError(wanted)) return broken_stream("zstd", offset_ + input.pos, ZSTD_getErrorName(wanted));
            TRY_VOID(output_.pass({buffer_.data(), output.pos}, take));
            // A call that took nothing and gave nothing at the end of the input says nothing about the frame.
            if (input.pos != before || output.pos > 0) whole_ = wanted == 0;
            more = output.pos == output.size;
        }
        offset_ += bytes.size();
        return {};
    }

    Result<void> finish(const Take&) override {
        if (!whole_) return truncated_stream("zstd", offset_);
        return {};
    }

  private:
    std::unique_ptr<ZSTD_DCtx, FreeDecompression> context_;
    LimitedOutput output_;
    std::uint64_t offset_ = 0;
    bool whole_ = false; // a frame has just ended (there may be several in a row)
    StreamBuffer buffer_;
};

} // namespace

std::unique_ptr<Compressor> make_zstd_compressor(const CompressionSettings& settings) {
    return std::make_unique<ZstdCompressor>(settings);
}
std::unique_ptr<Decompressor> make_zstd_decompressor(std::uint64_t output_limit) {
    return std::make_unique<ZstdDecompressor>(output_limit);
}

} // namespace cachefill::codec
