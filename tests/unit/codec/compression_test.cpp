#include "codec/compression.hpp"
#include "codec/encoding.hpp"
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

// "line 0", "line 1", "line 4" and so on, 200 lines, as bzip2 1.0.8, brotli 1.0.9 and liblzma 5.4 (with lzip's header
// and trailer around it) compress them: what others wrote, we only read.
struct Foreign {
    Compression method;
    std::string packed;
};

std::string foreign_text() {
    std::string text;
    for (int i = 0; i < 200; ++i) text += "line " + std::to_string(i * i) + "\n";
    return text;
}

std::vector<Foreign> foreign() {
    auto bzip2 = "QlpoOTFBWSZTWVOGfRYAAzvZAEAQQAB/4AIlQAKw7baqBrDVPxNBKoGg1T8aVFH6hAUNNMAAlMSaU8oBRtRrz2+cdV7xJdtGpRTS"
                 "qmhYZkalJpa0ZgTJx1mIRmdYEyd02YOF0AeblYaAjWWUjzcNtKKqU0u1Y6gekshnsZVxVGkdcMza9gUFPiqg2XmLaTl24o9O/fkW"
                 "SXSU9TE1T/l5S61KtqyQs0ETmYVA4imzXxkomDfKNp0pQvXh5UlGurYudxZjaqtKhIyTl95uJ3DuM2gOqptlabPGMilqYDV/IiyO"
                 "q074FAQk9s2b7VoykS7fjZpOkNuNwTUNoomSWu9YWcw0+aqEkYQbQZDjYBtDxELpCyIZeS/Xx+pFm2cRiNI1tnd518aTjV0m5Yrt"
                 "u5L+KpmSo6QrfSCSysHbnRe29mbs0k3A5V7U5R8MMwWjThH3wdkpBtvnnuvd837fL2MdMfnPWTgSYoIophUKdKk3XyLdBU1hz1si"
                 "8wpPc2aXl8l3evxOUqr2BAiI7RRruBUu3Squa8b23Ofev3pWcHvYWa52bh0vQa8tcGdu3vtwGguytkPq7fPtrnMpKUsZ27RvdOWi"
                 "gyEp0S2lpwaL73R16WJchybnuo8LCp1g/AB8B9+AKCvoFBX4Cgr+LuSKcKEgpwz6LA==";
    auto brotli = "GwUIaIyUqtsjb+i/70KyBAj8UxcDuaLdo/+e7ccDgTC4pClo0jBoxkH3EMTRaDjebfrgeePmrU9GTy2XGe6Ix/FF7J3KtGc6mki7"
                  "a8c1I2fCGNjtcc6q2Z9Ee02+mn/OmSkwmx8h97zCjdLOhkmxzYoGmEd+/D5fcw4P8CL5Cm0GxiALEJAPc2jKrIEWTpDLxPhIAL7I"
                  "2Wm6jAZpmQ2+EpkfpsBamPDMqPiHaPk/qbqCMzIxwIZ8OXddHxukZRo25dupuI4AOuKYuLnJKrSIwSiBc+CfAIACNWxQjimhVRPt"
                  "mpg7VgQc0bX9KW060uqNuVK5ZqgBY3LnLlXnx2i5n4aqczYmBfoZatlc6aYnrW74aQvbEQ2QOx4CY+3yJyW0DmNQClcCXYADO4Q1"
                  "ymdqaJ2JcWnc1dEAVGxkuynX9EvrbrhrT7IbUqCV6Z5T9Rjox2jpTzkqOVcwNcAPO5T1ldvU0roNTbtj88WGgD5ycb9cMulBqxkO"
                  "XRV871sA";
    auto lzip = "TFpJUAEQADYaSh8IoCXB3pS6kNmvCIgL4jyvjhpqn4NuIJhqUZTWGZ490dhIbSFGe52fkJLKGYzYXBCRukWkUpuW0hacyrs3lvd+"
                "hjxGiS7O9zjWclufkrnKACW03pDovMjqix7kcy1zuv8gvqBPnCCvMCi5Ff6O4HtYpq8M3H6Evr6wsp6zL4HeiPuGD4KdNXroUBAe"
                "oPPSk+Oj6CvAfKadDlDBW2A86TMC9Bi2jNW8+kbldkfUCMBYLE7T8fPQweeTqMMT6UpgZOc0A2cz3ZJJKNORKcfKI+2r4BdoRSDa"
                "TStZBCb+qExnxBFw1E/Kt3r59teK8b0jrhX8BSeWEA+26ayiTC9yNBF1GAbC8LDMArAHBtTd9ktJi3Jfis+yujO2zYTX8UPMEP7z"
                "cvew9oE1Y+1A0dX5Gb0jN+dxSTeWLEFJdHOs6e8CMNcouxsQav06kV9Uf+hQl6kecf11PDQPuVkZK99LqqyGmlSPle7TqGSHjqnl"
                "C/21/ucaV293hDcK1qcHKSAL8v9ZhT04gNYcg/wW9GPNoprejaYX+mjyaPD4/7UXoSE63CZKS89IaVf+ZLU4Z+70kGaLiRdaCkQb"
                "ESL7No5/C61d4jJSvMOVsSIOpj+avjlOJeOMzdd66kXJRBqEsT3//f7lbl8FEH4GCAAAAAAAAAECAAAAAAAA";
    return {{Compression::bzip2, from_base64(bzip2).value()},
            {Compression::brotli, from_base64(brotli).value()},
            {Compression::lzip, from_base64(lzip).value()}};
}

// 64 MiB of zero bytes, in a hundred.
std::vector<Foreign> bombs() {
    auto bzip2 = "QlpoOTFBWSZTWQ4J4t8BX45AAMAAAAggADCATUZCoCWpCoCXMUFZJlNZvAS1wwCidcAAwAAACCAAIKQINjKKiE0qKiE4u5IpwoSF"
                 "ALuD6A==";
    auto brotli = "y///P/gnAOKxQCD3/o///3/wTwDEYRGA7v0f////4J8AiMMCAN37P/7//8E/ARCHBQC693/8//+DfwIgDgsAdO//+P//B/8EQBwW"
                  "AOje//H//w/+CYA4LADQvf/L//8//BMAcVgAoHv/Bw==";
    return {{Compression::bzip2, from_base64(bzip2).value()}, {Compression::brotli, from_base64(brotli).value()}};
}

std::string deflated(const std::string& text, bool with_header) {
    auto gzip = compress({.method = Compression::gzip, .level = 6}, text).value();
    auto raw = gzip.substr(10, gzip.size() - 18); // RFC 1952: ten bytes before it, eight behind
    if (!with_header) return raw;
    std::uint32_t a = 1, b = 0; // Adler-32
    for (char c : text) {
        a = (a + static_cast<unsigned char>(c)) % 65521;
        b = (b + a) % 65521;
    }
    std::string zlib = "\x78\x9C" + raw;
    for (auto byte : {b >> 8, b, a >> 8, a}) zlib += static_cast<char>(byte & 0xFF);
    return zlib;
}

Result<std::string> inflate(std::string_view bytes, std::size_t piece) {
    auto decompressor = make_deflate_decompressor();
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

BOOST_AUTO_TEST_CASE(what_several_threads_still_hold_at_the_end_comes_a_little_at_a_time) {
    auto bytes = sample(20'000'000);
    CompressionSettings settings{.method = Compression::zstd, .level = 3, .threads = 4, .size_hint = bytes.size()};
    auto compressor = make_compressor(settings).value();
    std::string packed;
    for (std::size_t at = 0; at < bytes.size(); at += 500'000)
        BOOST_TEST_REQUIRE(compressor->write(std::string_view(bytes).substr(at, 500'000), packed).has_value());
    int steps = 0;
    for (bool is_done = false; !is_done; ++steps) {
        auto before = packed.size();
        auto ended = compressor->finish_some(packed);
        BOOST_TEST_REQUIRE(ended.has_value());
        is_done = *ended;
        BOOST_TEST(packed.size() - before <= 64U * 1024);
    }
    BOOST_TEST(steps > 1);
    BOOST_TEST((decompress(Compression::zstd, packed).value() == bytes));
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

BOOST_AUTO_TEST_CASE(what_others_compressed_is_read_in_any_pieces_and_several_times_over) {
    auto text = foreign_text();
    for (const auto& [method, packed] : foreign()) {
        for (std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{10'000}})
            BOOST_TEST((decompress(method, packed, piece).value() == text), to_string(method));
        test::for_each_truncation(packed, [&](std::string_view prefix) {
            auto unpacked = decompress(method, prefix);
            if (unpacked) BOOST_ERROR(to_string(method) << " accepts " << prefix.size() << " bytes");
        });
        test::for_each_mutation(packed, 1'500, [&](std::string_view changed) {
            auto unpacked = decompress(method, changed, 100'000, 10 << 20);
            if (unpacked && method != Compression::brotli && *unpacked != text) BOOST_ERROR(to_string(method));
        });
        auto twice = decompress(method, packed + packed);
        if (method == Compression::brotli) // has no such thing
            BOOST_TEST(!twice.has_value());
        else
            BOOST_TEST((twice.value() == text + text), to_string(method));
        auto garbage = decompress(method, "no such thing at all, and long enough");
        BOOST_TEST_REQUIRE(!garbage.has_value());
        BOOST_TEST((garbage.error().kind() == FailureKind::protocol), garbage.error().one_line());
    }
}

BOOST_AUTO_TEST_CASE(deflate_is_understood_with_and_without_its_header) {
    auto text = foreign_text();
    for (bool with_header : {true, false}) {
        auto packed = deflated(text, with_header);
        for (std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{10'000}})
            BOOST_TEST((inflate(packed, piece).value() == text));
        test::for_each_truncation(packed, [&](std::string_view prefix) {
            if (inflate(prefix, 1000)) BOOST_ERROR("accepts " << prefix.size() << " bytes");
        });
    }
}

BOOST_AUTO_TEST_CASE(what_becomes_large_is_handed_on_in_small_pieces_and_ends_at_its_limit) {
    for (const auto& [method, packed] : bombs()) {
        std::uint64_t total = 0;
        std::size_t largest = 0;
        auto count = [&](std::string_view piece) -> Result<void> {
            total += piece.size();
            largest = std::max(largest, piece.size());
            return {};
        };
        auto decompressor = make_decompressor(method).value();
        BOOST_TEST(decompressor->write(packed, count).has_value());
        BOOST_TEST(decompressor->finish(count).has_value());
        BOOST_TEST(total == 64U << 20);
        BOOST_TEST(largest <= 64U << 10);
        auto limited = decompress(method, packed, 100'000, 1'000'000);
        BOOST_TEST_REQUIRE(!limited.has_value());
        BOOST_TEST(limited.error().cause() == "the decompressed stream has more than the 1000000 bytes it may have");
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
         {Compression::bzip2, Compression::brotli, Compression::lz4, Compression::lzip, Compression::unknown})
        BOOST_TEST((make_compressor(with(method)).error().kind() == FailureKind::usage));
    for (auto method : {Compression::lz4, Compression::unknown}) {
        auto made = make_decompressor(method);
        BOOST_REQUIRE(!made);
        BOOST_TEST((made.error().kind() == FailureKind::protocol));
        BOOST_TEST(made.error().cause().find(to_string(method)) != std::string::npos);
    }
}

BOOST_AUTO_TEST_SUITE_END()
