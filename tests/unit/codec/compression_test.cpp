#include "codec/compression.hpp"
#include "support/golden.hpp"
#include "support/mutations.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace cachefill;
using namespace cachefill::codec;

namespace {

constexpr Compression ours[] = {Compression::none, Compression::xz, Compression::zstd, Compression::gzip};

// Partly compressible, longer than any buffer in between.
std::string sample(std::size_t size) {
    std::mt19937 random(7);
    std::string bytes;
    while (bytes.size() < size) {
        auto word = random();
        bytes.append(word % 5, static_cast<char>(word >> 8));
        bytes += static_cast<char>(word >> 16);
    }
    bytes.resize(size);
    return bytes;
}

Result<std::string> compress(const CompressionSettings& settings, std::string_view bytes, std::size_t piece = 100'000) {
    TRY(compressor, make_compressor(settings));
    std::string out;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
        TRY_VOID(compressor->write(bytes.substr(0, piece), out));
    TRY_VOID(compressor->finish(out));
    return out;
}

Result<std::string> decompress(Compression method, std::string_view bytes, std::size_t piece = 100'000,
                               std::uint64_t limit = 1ULL << 40) {
    TRY(decompressor, make_decompressor(method, limit));
    std::string out;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
        TRY_VOID(decompressor->write(bytes.substr(0, piece), out));
    TRY_VOID(decompressor->finish(out));
    return out;
}

CompressionSettings with(Compression method, int level = 3) { return {.method = method, .level = level}; }

} // namespace

BOOST_AUTO_TEST_SUITE(compression)

BOOST_AUTO_TEST_CASE(what_was_compressed_in_any_pieces_comes_back) {
    for (auto method : ours)
        for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5'000}, std::size_t{700'000}})
            for (std::size_t piece : {std::size_t{7}, std::size_t{65'536}, std::size_t{1'000'000}}) {
                if (piece == 7 && size > 5'000) continue;
                auto bytes = sample(size);
                auto packed = compress(with(method), bytes, piece).value();
                BOOST_TEST((decompress(method, packed, piece).value() == bytes),
                           to_string(method) << ", " << size << " bytes in pieces of " << piece);
            }
}

BOOST_AUTO_TEST_CASE(every_level_works_and_others_do_not_exist) {
    auto bytes = sample(3'000);
    for (int level = 1; level <= 9; ++level)
        for (auto method : ours)
            BOOST_TEST((decompress(method, compress(with(method, level), bytes).value()).value() == bytes));
    for (auto [method, level] :
         {std::pair(Compression::zstd, 0), std::pair(Compression::zstd, 23), std::pair(Compression::xz, 10),
          std::pair(Compression::xz, -1), std::pair(Compression::gzip, 0), std::pair(Compression::gzip, 10)}) {
        auto made = make_compressor(with(method, level));
        BOOST_REQUIRE(!made);
        BOOST_TEST((made.error().kind() == FailureKind::usage));
    }
}

BOOST_AUTO_TEST_CASE(zstd_with_threads_makes_what_everybody_can_read) {
    auto bytes = sample(6'000'000);
    CompressionSettings settings{.method = Compression::zstd, .level = 1, .threads = 2, .size_hint = bytes.size()};
    BOOST_TEST((decompress(Compression::zstd, compress(settings, bytes).value()).value() == bytes));
}

BOOST_AUTO_TEST_CASE(zstd_fails_when_another_size_arrives_than_was_announced) {
    auto bytes = sample(1'000);
    for (int threads : {1, 2}) {
        auto announced = [&](std::uint64_t size) {
            return compress({.method = Compression::zstd, .level = 3, .threads = threads, .size_hint = size}, bytes,
                            300);
        };
        BOOST_TEST((decompress(Compression::zstd, announced(1'000).value()).value() == bytes));
        BOOST_TEST(announced(1'001).error().cause() ==
                   "the data to compress has only 1000 bytes, but 1001 were announced");
        BOOST_TEST(announced(999).error().cause() ==
                   "the data to compress has more than 999 bytes, but 999 were announced");
    }
}

BOOST_AUTO_TEST_CASE(a_truncated_stream_is_never_whole) {
    for (auto method : {Compression::xz, Compression::zstd, Compression::gzip}) {
        auto packed = compress(with(method), sample(1'500)).value();
        test::for_each_truncation(packed, [&](std::string_view prefix) {
            auto unpacked = decompress(method, prefix);
            if (unpacked) BOOST_ERROR(to_string(method) << " accepts " << prefix.size() << " bytes");
        });
    }
}

BOOST_AUTO_TEST_CASE(a_changed_stream_yields_no_other_content_where_there_is_a_checksum) {
    auto bytes = sample(1'500);
    for (auto method : {Compression::xz, Compression::zstd, Compression::gzip}) {
        auto packed = compress(with(method), bytes).value();
        test::for_each_mutation(packed, 1'500, [&](std::string_view changed) {
            auto unpacked = decompress(method, changed, 100'000, 10 << 20);
            if (unpacked && method != Compression::zstd && *unpacked != bytes) BOOST_ERROR(to_string(method));
        });
    }
}

BOOST_AUTO_TEST_CASE(streams_in_a_row_are_one) {
    for (auto method : {Compression::xz, Compression::zstd, Compression::gzip}) {
        auto twice = compress(with(method), "first, ").value() + compress(with(method), "second").value();
        for (std::size_t piece : {std::size_t{1}, std::size_t{1'000}})
            BOOST_TEST(decompress(method, twice, piece).value() == "first, second", to_string(method));
        BOOST_TEST(!decompress(method, twice + "garbage").has_value(), to_string(method));
        BOOST_TEST(!decompress(method, twice.substr(0, twice.size() - 3)).has_value(), to_string(method));
    }
}

BOOST_AUTO_TEST_CASE(a_bomb_stops_at_its_limit) {
    const std::string zeros(5'000'000, '\0');
    for (auto method : ours) {
        auto packed = compress(with(method), zeros).value();
        auto decompressor = make_decompressor(method, 100'000).value();
        std::string out;
        auto written = decompressor->write(packed, out);
        BOOST_REQUIRE(!written);
        BOOST_TEST((written.error().kind() == FailureKind::protocol));
        BOOST_TEST(out.size() <= 100'000U);
        BOOST_TEST(decompress(method, packed, 100'000, zeros.size()).has_value());
    }
}

BOOST_AUTO_TEST_CASE(what_nix_compressed_is_read) {
    std::size_t count = 0;
    for (auto [extension, method] : {std::pair(".xz", Compression::xz), std::pair(".zst", Compression::zstd)})
        for (const auto& file : test::golden_files("nix/cache/nar", extension)) {
            auto nar = decompress(method, read_file(file).value(), 13);
            BOOST_TEST(nar.has_value(), file);
            if (nar) BOOST_TEST(nar->substr(8, 13) == "nix-archive-1");
            ++count;
        }
    BOOST_TEST(count > 10U);
}

BOOST_AUTO_TEST_CASE(methods_are_spelled_as_in_narinfos) {
    for (auto name : {"none", "xz", "zstd", "gzip", "bzip2", "br", "lz4", "lzip"})
        BOOST_TEST(to_string(parse_compression(name)) == name);
    BOOST_TEST((parse_compression("") == Compression::bzip2));
    BOOST_TEST((parse_compression("ZSTD") == Compression::unknown));
    BOOST_TEST(file_extension(Compression::zstd) == ".zst");
    BOOST_TEST(file_extension(Compression::none) == "");
}

BOOST_AUTO_TEST_CASE(methods_we_lack_are_named) {
    for (auto method :
         {Compression::bzip2, Compression::brotli, Compression::lz4, Compression::lzip, Compression::unknown}) {
        BOOST_TEST((make_compressor(with(method)).error().kind() == FailureKind::usage));
        auto failure = make_decompressor(method).error();
        BOOST_TEST((failure.kind() == FailureKind::protocol));
        BOOST_TEST(failure.cause().find(to_string(method)) != std::string::npos);
    }
}

BOOST_AUTO_TEST_SUITE_END()
