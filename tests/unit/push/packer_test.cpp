#include "push/packer.hpp"
#include "trees.hpp"

#include <boost/test/unit_test.hpp>

#ifdef __GLIBC__
#include <malloc.h>
#endif

using namespace cachefill;
using namespace cachefill::push;
using codec::Compression;
using codec::HashAlgorithm;
namespace fs = std::filesystem;

namespace {

struct Tree {
    TemporaryDirectory directory = TemporaryDirectory::make("packer").value();
    fs::path root = directory.path() / "root";

    // A request that is right about `root` as it is now.
    PackRequest request(Compression method, int threads = 1) {
        auto nar = test::nix_dump(root);
        PackRequest wanted;
        wanted.root = root;
        wanted.nar_hash = codec::hash_bytes(HashAlgorithm::sha256, nar);
        wanted.nar_size = nar.size();
        wanted.compression.method = method;
        wanted.compression.threads = threads;
        wanted.part_size = 1 << 20;
        return wanted;
    }
};

struct Packed {
    std::vector<std::string> pieces;
    codec::Hash file_hash;
    std::uint64_t file_size = 0;
    std::string bytes() const { return join(pieces); }
    static std::string join(const std::vector<std::string>& pieces) {
        std::string all;
        for (const auto& piece : pieces) all += piece;
        return all;
    }
};

Result<Packed> pack(PackRequest request) {
    Packer packer(std::move(request));
    Packed packed;
    for (;;) {
        TRY(piece, packer.next());
        if (!piece.bytes.empty()) packed.pieces.push_back(std::move(piece.bytes));
        if (piece.is_last) break;
    }
    packed.file_hash = packer.file_hash();
    packed.file_size = packer.file_size();
    return packed;
}

std::string unpack(Compression method, const std::string& bytes) {
    auto decompressor = codec::make_decompressor(method).value();
    std::string out;
    BOOST_REQUIRE(decompressor->write(bytes, out));
    BOOST_REQUIRE(decompressor->finish(out));
    return out;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(packer, Tree)

BOOST_AUTO_TEST_CASE(what_comes_out_unpacks_to_the_nar_and_hashes_to_what_it_says) {
    fs::create_directories(root / "share");
    test::put_file(root / "share/data", test::half_compressible(7'000'003, 2));
    test::put_file(root / "run", "#!/bin/sh\n", 0755);
    auto nar = test::nix_dump(root);
    for (auto method : {Compression::none, Compression::zstd, Compression::gzip, Compression::xz}) {
        auto wanted = request(method);
        if (method == Compression::xz) wanted.compression.level = 0;
        auto packed = pack(wanted).value();
        auto bytes = packed.bytes();
        BOOST_TEST((unpack(method, bytes) == nar));
        BOOST_TEST(packed.file_size == bytes.size());
        BOOST_TEST((packed.file_hash == codec::hash_bytes(HashAlgorithm::sha256, bytes)));
        BOOST_TEST(bytes.size() <= compressed_bound(nar.size()));
        for (std::size_t i = 0; i + 1 < packed.pieces.size(); ++i)
            BOOST_TEST(packed.pieces[i].size() == wanted.part_size);
        BOOST_TEST(packed.pieces.back().size() <= wanted.part_size);
    }
}

BOOST_AUTO_TEST_CASE(several_threads_give_a_good_stream_too) {
    test::put_file(root, test::half_compressible(40'000'000, 3));
    auto packed = pack(request(Compression::zstd, 4)).value();
    BOOST_TEST((unpack(Compression::zstd, packed.bytes()) == test::nix_dump(root)));
    BOOST_TEST((packed.file_hash == codec::hash_bytes(HashAlgorithm::sha256, packed.bytes())));
}

#ifdef __GLIBC__
// In bytes allocated, so it is no matter of speed; nothing is counted where a sanitizer has its own allocator.
BOOST_AUTO_TEST_CASE(a_large_one_is_held_a_little_at_a_time_also_at_its_end) {
    auto allocated = [] {
        auto info = ::mallinfo2();
        return info.uordblks + info.hblkhd;
    };
    std::string noise(64 << 20, '\0');
    std::uint32_t state = 1;
    for (auto& byte : noise) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    test::put_file(root, noise);
    auto wanted = request(Compression::zstd, 2);
    auto before = allocated();
    std::size_t most = 0;
    {
        Packer packer(wanted);
        for (bool is_last = false; !is_last;) {
            auto piece = packer.next();
            BOOST_TEST_REQUIRE(piece.has_value());
            is_last = piece->is_last;
            auto now = allocated();
            most = std::max(most, now - std::min(before, now));
        }
    }
    BOOST_TEST(most < 24U << 20);
}
#endif

BOOST_AUTO_TEST_CASE(bytes_that_do_not_compress_stay_within_the_bound) {
    std::string noise(3'000'000, '\0');
    std::uint32_t state = 1;
    for (auto& byte : noise) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    test::put_file(root, noise);
    for (auto method : {Compression::none, Compression::zstd, Compression::gzip, Compression::xz}) {
        auto wanted = request(method);
        if (method == Compression::xz) wanted.compression.level = 0;
        BOOST_TEST(pack(wanted).value().file_size <= compressed_bound(wanted.nar_size));
    }
}

BOOST_AUTO_TEST_CASE(a_file_of_exactly_one_part_makes_no_empty_piece_before_the_last) {
    test::put_file(root, std::string(1000, 'x'));
    auto wanted = request(Compression::none);
    wanted.part_size = wanted.nar_size;
    auto packed = pack(wanted).value();
    BOOST_TEST(packed.pieces.size() == 1U);
    wanted.part_size = wanted.nar_size / 2;
    BOOST_TEST(pack(wanted).value().pieces.size() == 2U);
}

BOOST_AUTO_TEST_CASE(damage_is_seen_before_the_last_piece_and_told_with_both_hashes) {
    test::put_file(root, std::string(3'000'000, 'x'));
    auto wanted = request(Compression::none);
    test::put_file(root, std::string(2'999'999, 'x') + "y");
    Packer packer(wanted);
    std::uint64_t seen = 0;
    for (;;) {
        auto piece = packer.next();
        if (piece) {
            BOOST_REQUIRE(!piece->is_last);
            seen += piece->bytes.size();
            continue;
        }
        BOOST_TEST((piece.error().kind() == FailureKind::store));
        BOOST_TEST(piece.error().cause().find(wanted.nar_hash.to_string()) != std::string::npos);
        break;
    }
    BOOST_TEST(seen < wanted.nar_size);
}

BOOST_AUTO_TEST_CASE(a_nar_of_another_size_is_damage_for_every_method) {
    test::put_file(root, std::string(100'000, 'x'));
    auto wanted = request(Compression::none);
    for (auto method : {Compression::none, Compression::zstd}) {
        wanted.compression.method = method;
        for (std::size_t size : {99'000UL, 101'000UL}) {
            test::put_file(root, std::string(size, 'x'));
            auto packed = pack(wanted);
            BOOST_REQUIRE(!packed);
            BOOST_TEST((packed.error().kind() == FailureKind::store));
            BOOST_TEST(packed.error().cause().find("the store recorded") != std::string::npos);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_method_we_cannot_write_is_a_usage_failure) {
    test::put_file(root, "x");
    auto packed = pack(request(Compression::brotli));
    BOOST_REQUIRE(!packed);
    BOOST_TEST((packed.error().kind() == FailureKind::usage));
}

BOOST_AUTO_TEST_SUITE_END()
