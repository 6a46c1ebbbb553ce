#include "codec/streams.hpp"

#include <brotli/decode.h>
#include <stdexcept>

namespace cachefill::codec {

namespace {

struct FreeDecoder {
    void operator()(BrotliDecoderState* state) const { BrotliDecoderDestroyInstance(state); }
};

class BrotliDecompressor final : public Decompressor {
  public:
    explicit BrotliDecompressor(std::uint64_t output_limit)
        : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)), output_(output_limit) {
        if (!state_) throw std::bad_alloc();
    }

    Result<void> write(std::string_view bytes, const Take& take) override {
        const auto* next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
        auto left = bytes.size();
        auto fail = [&](std::string_view why) { return broken_stream("brotli", offset_ + bytes.size() - left, why); };
        for (bool more = true; left > 0 || more;) {
            if (whole_ && left > 0) return fail("there is more behind its end");
            if (whole_) break;
            auto* next_out = reinterpret_cast<std::uint8_t*>(buffer_.data());
            auto room = buffer_.size();
            auto code = BrotliDecoderDecompressStream(state_.get(), &left, &next_in, &room, &next_out, nullptr);
            TRY_VOID(output_.pass({buffer_.data(), buffer_.size() - room}, take));
            if (code == BROTLI_DECODER_RESULT_ERROR)
                return fail(BrotliDecoderErrorString(BrotliDecoderGetErrorCode(state_.get())));
            whole_ = code == BROTLI_DECODER_RESULT_SUCCESS;
            more = code == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
        }
        offset_ += bytes.size();
        return {};
    }

    Result<void> finish(const Take&) override {
        if (!whole_) return truncated_stream("brotli", offset_);
        return {};
    }

  private:
    std::unique_ptr<BrotliDecoderState, FreeDecoder> state_;
    LimitedOutput output_;
    std::uint64_t offset_ = 0;
    bool whole_ = false;
    StreamBuffer buffer_;
};

} // namespace

std::unique_ptr<Decompressor> make_brotli_decompressor(std::uint64_t output_limit) {
    return std::make_unique<BrotliDecompressor>(output_limit);
}

} // namespace cachefill::codec
