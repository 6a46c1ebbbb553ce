#include "codec/streams.hpp"

#include <algorithm>
#include <bzlib.h>
#include <stdexcept>

namespace cachefill::codec {

namespace {

// bz_stream counts in 32 bits; larger writes go through in pieces.
constexpr std::size_t largest_piece = 1U << 30;

class Bzip2Decompressor final : public Decompressor {
  public:
    explicit Bzip2Decompressor(std::uint64_t output_limit) : output_(output_limit) { begin(); }
    Bzip2Decompressor(const Bzip2Decompressor&) = delete;
    Bzip2Decompressor& operator=(const Bzip2Decompressor&) = delete;
    ~Bzip2Decompressor() override { BZ2_bzDecompressEnd(&stream_); }

    Result<void> write(std::string_view bytes, const Take& take) override {
        for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), largest_piece)))
            TRY_VOID(run(bytes.substr(0, largest_piece), take));
        return {};
    }

    Result<void> finish(const Take&) override {
        if (!whole_) return truncated_stream("bzip2", offset_);
        return {};
    }

  private:
    void begin() {
        stream_ = bz_stream{};
        if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) throw std::bad_alloc();
    }

    Result<void> run(std::string_view bytes, const Take& take) {
        // bzlib's interface predates const; it does not write there.
        char* input = const_cast<char*>(bytes.data());
        auto left = static_cast<unsigned>(bytes.size());
        for (bool more = true; left > 0 || more;) {
            if (whole_ && left > 0) { // another stream follows
                BZ2_bzDecompressEnd(&stream_);
                begin();
                whole_ = false;
            } else if (whole_) {
                break;
            }
            stream_.next_in = input;
            stream_.avail_in = left;
            stream_.next_out = buffer_.data();
            stream_.avail_out = static_cast<unsigned>(buffer_.size());
            int code = BZ2_bzDecompress(&stream_);
            input = stream_.next_in;
            left = stream_.avail_in;
            TRY_VOID(output_.pass({buffer_.data(), buffer_.size() - stream_.avail_out}, take));
            if (code == BZ_STREAM_END)
                whole_ = true;
            else if (code != BZ_OK)
                return broken_stream("bzip2", offset_ + bytes.size() - left, explain(code));
            more = stream_.avail_out == 0;
        }
        offset_ += bytes.size();
        return {};
    }

    static std::string_view explain(int code) {
        switch (code) {
        case BZ_DATA_ERROR_MAGIC:
            return "this is not bzip2";
        case BZ_DATA_ERROR:
            return "the data is corrupt";
        case BZ_MEM_ERROR:
            return "not enough memory";
        default:
            return "libbz2 refuses it";
        }
    }

    bz_stream stream_{};
    LimitedOutput output_;
    std::uint64_t offset_ = 0;
    bool whole_ = false; // a stream has just ended (there may be several in a row)
    StreamBuffer buffer_;
};

} // namespace

std::unique_ptr<Decompressor> make_bzip2_decompressor(std::uint64_t output_limit) {
    return std::make_unique<Bzip2Decompressor>(output_limit);
}

} // namespace cachefill::codec
