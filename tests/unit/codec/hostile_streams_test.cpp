// Streams that nobody made by compressing something, and what is said of them.
#include "codec/compression.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdint>

using namespace cachefill;
using namespace cachefill::codec;

namespace {

constexpr Compression ours[] = {Compression::none, Compression::xz, Compression::zstd, Compression::gzip};

std::string packed(Compression method, std::string_view bytes, int level = 3) {
    auto compressor = make_compressor({.method = method, .level = level}).value();
    std::string out;
    BOOST_REQUIRE(compressor->write(bytes, out).has_value());
    BOOST_REQUIRE(compressor->finish(out).has_value());
    return out;
}

Result<std::string> unpacked(Compression method, std::string_view bytes, std::uint64_t limit = no_output_limit) {
    TRY(decompressor, make_decompressor(method, limit));
    std::string out;
    TRY_VOID(decompressor->write(bytes, out));
    TRY_VOID(decompressor->finish(out));
    return out;
}

std::string said(Compression method, std::string_view bytes) {
    auto result = unpacked(method, bytes);
    if (result) return "fine";
    BOOST_TEST((result.error().kind() == FailureKind::protocol));
    return result.error().cause();
}

std::string bytes_of(std::initializer_list<int> numbers) {
    std::string bytes;
    for (int number : numbers) bytes += static_cast<char>(number);
    return bytes;
}

// As xz has it (the polynomial of zlib's crc32, too).
std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t crc = 0xFFFFFFFF;
    for (char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) ? 0xEDB88320U : 0U);
    }
    return ~crc;
}

// A stream of xz whose block announces a dictionary of another size (5.1.4 of the format: 2^12 to 2^32 in half powers).
std::string xz_with_dictionary(int code) {
    auto stream = packed(Compression::xz, "some text", 0);
    constexpr std::size_t block = 12, dictionary = block + 4;
    auto size = (static_cast<std::size_t>(static_cast<unsigned char>(stream[block])) + 1) * 4;
    BOOST_REQUIRE(stream[block + 2] == 0x21); // LZMA2
    stream[dictionary] = static_cast<char>(code);
    auto sum = crc32(std::string_view(stream).substr(block, size - 4));
    for (std::size_t i = 0; i < 4; ++i) stream[block + size - 4 + i] = static_cast<char>(sum >> (8 * i) & 0xFF);
    return stream;
}

// An empty frame of zstd that wants a window of 2^(10 + exponent) bytes.
std::string zstd_with_window(int exponent) {
    return bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0x00, exponent << 3, 0x01, 0x00, 0x00});
}

} // namespace

BOOST_AUTO_TEST_SUITE(hostile_streams)

BOOST_AUTO_TEST_CASE(a_stream_that_wants_much_memory_is_refused_before_it_gets_any) {
    BOOST_TEST(said(Compression::xz, xz_with_dictionary(16)) == "fine"); // 1 MiB
    BOOST_TEST(said(Compression::xz, xz_with_dictionary(40)).find("it needs more than 512 MiB of memory") !=
               std::string::npos);
    BOOST_TEST(said(Compression::zstd, zstd_with_window(17)) == "fine"); // 128 MiB, as zstd -d takes it
    BOOST_TEST(said(Compression::zstd, zstd_with_window(18)).find("too much memory") != std::string::npos);
    BOOST_TEST(said(Compression::zstd, zstd_with_window(31)) != "fine");
}

BOOST_AUTO_TEST_CASE(what_is_another_format_is_named_by_the_one_that_was_expected) {
    const std::string text = "this is not compressed in any way, and longer than every header";
    BOOST_TEST(said(Compression::xz, text) == "the xz stream is broken near byte 12: this is not xz");
    BOOST_TEST(said(Compression::bzip2, text) == "the bzip2 stream is broken near byte 1: this is not bzip2");
    BOOST_TEST(said(Compression::gzip, text) == "the gzip stream is broken near byte 2: incorrect header check");
    BOOST_TEST(said(Compression::zstd, text).starts_with("the zstd stream is broken near byte "));
    BOOST_TEST(said(Compression::lzip, text).find("this is not lzip") != std::string::npos);
    for (auto method : {Compression::xz, Compression::zstd, Compression::gzip})
        for (auto other : {Compression::xz, Compression::zstd, Compression::gzip}) {
            auto outcome = said(other, packed(method, text));
            BOOST_TEST((outcome == "fine") == (method == other), to_string(method) << " as " << to_string(other));
        }
}

BOOST_AUTO_TEST_CASE(nothing_at_all_is_a_truncated_stream_and_not_an_empty_one) {
    for (auto method : {Compression::xz, Compression::zstd, Compression::gzip, Compression::bzip2, Compression::brotli,
                        Compression::lzip}) {
        auto empty = unpacked(method, "");
        BOOST_REQUIRE(!empty);
        BOOST_TEST(empty.error().cause() ==
                   "the " + std::string(method == Compression::brotli ? "brotli" : to_string(method)) +
                       " stream ends too early, after 0 bytes");
    }
    BOOST_TEST(unpacked(Compression::none, "").value() == "");
    BOOST_TEST(!make_deflate_decompressor()->finish([](std::string_view) { return Result<void>(); }).has_value());
}

BOOST_AUTO_TEST_CASE(where_a_stream_breaks_is_told_in_bytes_of_all_that_came) {
    auto stream = packed(Compression::gzip, std::string(300'000, 'x') + "y");
    stream[stream.size() - 6] = static_cast<char>(stream[stream.size() - 6] ^ 1); // of its checksum
    auto decompressor = make_decompressor(Compression::gzip).value();
    std::string out;
    Result<void> written;
    for (std::size_t i = 0; i < stream.size() && written; ++i) written = decompressor->write(stream.substr(i, 1), out);
    BOOST_REQUIRE(!written);
    BOOST_TEST(written.error().cause() ==
               "the gzip stream is broken near byte " + std::to_string(stream.size() - 4) + ": incorrect data check");
}

BOOST_AUTO_TEST_CASE(an_output_may_be_as_long_as_its_limit_and_no_byte_longer) {
    const std::string text(200'000, 'x');
    for (auto method : ours) {
        auto stream = packed(method, text);
        BOOST_TEST(unpacked(method, stream, text.size()).has_value(), to_string(method));
        auto longer = unpacked(method, stream, text.size() - 1);
        BOOST_REQUIRE(!longer);
        BOOST_TEST(longer.error().cause() == "the decompressed stream has more than the 199999 bytes it may have");
        BOOST_TEST(unpacked(method, packed(method, ""), 0).value() == "", to_string(method));
        BOOST_TEST(!unpacked(method, packed(method, "x"), 0).has_value(), to_string(method));
    }
}

BOOST_AUTO_TEST_CASE(whoever_takes_the_output_ends_the_stream_with_a_failure_of_its_own) {
    for (auto method : ours) {
        auto stream = packed(method, std::string(500'000, 'x'));
        auto decompressor = make_decompressor(method).value();
        int calls = 0;
        auto full = [&calls](std::string_view) -> Result<void> {
            if (++calls < 2) return {};
            return Failure(FailureKind::machine, "the disk is full");
        };
        auto written = decompressor->write(stream, full);
        // What is not compressed is handed on as it was given, in one piece.
        if (method == Compression::none) written = decompressor->write(stream, full);
        BOOST_REQUIRE(!written);
        BOOST_TEST(written.error().cause() == "the disk is full", to_string(method));
        BOOST_TEST(calls == 2, to_string(method));
    }
}

BOOST_AUTO_TEST_CASE(every_piece_of_output_is_small_whatever_the_input) {
    for (auto method : {Compression::xz, Compression::zstd, Compression::gzip}) {
        auto stream = packed(method, std::string(3'000'000, 'x'));
        std::size_t largest = 0, total = 0;
        auto measure = [&](std::string_view piece) -> Result<void> {
            BOOST_TEST(!piece.empty());
            largest = std::max(largest, piece.size());
            total += piece.size();
            return {};
        };
        auto decompressor = make_decompressor(method).value();
        BOOST_REQUIRE(decompressor->write(stream, measure).has_value());
        BOOST_REQUIRE(decompressor->finish(measure).has_value());
        BOOST_TEST(total == 3'000'000U);
        BOOST_TEST(largest <= 64U << 10, to_string(method));
    }
}

BOOST_AUTO_TEST_CASE(pieces_without_bytes_change_nothing) {
    for (auto method : ours) {
        auto compressor = make_compressor({.method = method, .level = 1}).value();
        std::string stream, out;
        for (const auto* piece : {"", "", "some ", "", "", "", "text", "", ""})
            BOOST_TEST(compressor->write(piece, stream).has_value());
        BOOST_TEST(compressor->finish(stream).has_value());
        auto decompressor = make_decompressor(method).value();
        for (char c : stream) {
            BOOST_TEST(decompressor->write("", out).has_value());
            BOOST_TEST(decompressor->write(std::string_view(&c, 1), out).has_value());
        }
        BOOST_TEST(decompressor->write("", out).has_value());
        BOOST_TEST(decompressor->finish(out).has_value());
        BOOST_TEST(out == "some text", to_string(method));
    }
}

BOOST_AUTO_TEST_CASE(a_level_or_method_that_is_none_is_told_with_those_there_are) {
    auto failure = [](Compression method, int level) {
        return make_compressor({.method = method, .level = level}).error();
    };
    BOOST_TEST(failure(Compression::zstd, 23).cause() ==
               "there is no compression level 23 in zstd, its levels are 1 to 22");
    BOOST_TEST(failure(Compression::xz, -1).cause() == "there is no compression level -1 in xz, its levels are 0 to 9");
    BOOST_TEST(failure(Compression::gzip, 0).cause() ==
               "there is no compression level 0 in gzip, its levels are 1 to 9");
    BOOST_TEST(failure(Compression::bzip2, 3).cause() == "cannot compress with bzip2");
    BOOST_TEST(failure(Compression::bzip2, 3).hint() == "use zstd, xz, gzip or none");
    BOOST_TEST(failure(Compression::unknown, 3).cause() == "cannot compress with unknown");
    BOOST_TEST(make_compressor({.method = Compression::none, .level = 99}).has_value()); // has no levels
    BOOST_TEST(make_decompressor(Compression::lz4).error().cause() ==
               "cannot decompress lz4, only zstd, xz, gzip, bzip2, br, lzip and none");
}

BOOST_AUTO_TEST_CASE(files_are_called_as_nix_calls_them) {
    const std::pair<Compression, std::string_view> table[] = {
        {Compression::none, ""},    {Compression::xz, ".xz"},     {Compression::zstd, ".zst"},
        {Compression::gzip, ""},    {Compression::bzip2, ".bz2"}, {Compression::brotli, ".br"},
        {Compression::lz4, ".lz4"}, {Compression::lzip, ".lzip"}, {Compression::unknown, ""}};
    for (auto [method, extension] : table) BOOST_TEST(file_extension(method) == extension, to_string(method));
}

BOOST_AUTO_TEST_SUITE_END()
