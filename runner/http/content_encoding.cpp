#include "http/content_encoding.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace cachefill::http {

namespace {

constexpr std::size_t most_encodings = 5; // curl's limit, too

// The last of the encodings is undone first.
class Chain final : public codec::Decompressor {
  public:
    Chain(std::unique_ptr<codec::Decompressor> outer, std::unique_ptr<codec::Decompressor> inner)
        : outer_(std::move(outer)), inner_(std::move(inner)) {}

    Result<void> write(std::string_view bytes, const Take& take) override {
        return outer_->write(bytes, [&](std::string_view piece) { return inner_->write(piece, take); });
    }
    Result<void> finish(const Take& take) override {
        TRY_VOID(outer_->finish([&](std::string_view piece) { return inner_->write(piece, take); }));
        return inner_->finish(take);
    }

  private:
    std::unique_ptr<codec::Decompressor> outer_;
    std::unique_ptr<codec::Decompressor> inner_;
};

Failure unknown_encoding(std::string_view name) {
    return Failure(FailureKind::protocol, "the answer has the Content-Encoding '" + sanitize(name) +
                                              "', which was not asked for and cannot be undone");
}

Result<std::unique_ptr<codec::Decompressor>> make_decoder(std::string_view encoding, std::uint64_t limit) {
    auto name = to_lower(encoding);
    if (name.starts_with("x-")) name.erase(0, 2);
    if (name == "deflate") return codec::make_deflate_decompressor(limit);
    for (auto known : {codec::Compression::gzip, codec::Compression::brotli, codec::Compression::zstd,
                       codec::Compression::xz, codec::Compression::bzip2})
        if (name == codec::to_string(known)) return codec::make_decompressor(known, limit);
    return unknown_encoding(encoding);
}

} // namespace

Result<std::unique_ptr<codec::Decompressor>> make_content_decoder(const std::vector<Header>& headers,
                                                                  std::uint64_t limit) {
    std::unique_ptr<codec::Decompressor> decoder;
    std::size_t count = 0;
    for (const auto& header : headers) {
        if (!iequals(header.name, "Content-Encoding")) continue;
        for (auto part : split(header.value, ',')) {
            auto encoding = trim(part);
            if (encoding.empty() || iequals(encoding, "identity") || iequals(encoding, "none")) continue;
            if (++count > most_encodings)
                return Failure(FailureKind::protocol,
                               "the answer has more than " + std::to_string(most_encodings) + " Content-Encodings");
            TRY(outer, make_decoder(encoding, limit));
            decoder = decoder ? std::make_unique<Chain>(std::move(outer), std::move(decoder)) : std::move(outer);
        }
    }
    return decoder;
}

} // namespace cachefill::http
