#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "codec/hash.hpp"
#include "support/golden.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::codec;

BOOST_AUTO_TEST_SUITE(hash)

BOOST_AUTO_TEST_CASE(hashes_and_their_spellings_are_those_of_nix) {
    auto file = test::golden("nix/hashes.tsv");
    std::size_t lines = 0;
    for (auto line : split(file, '\n')) {
        if (line.empty()) continue;
        ++lines;
        auto fields = split(line, '\t');
        BOOST_REQUIRE(fields.size() == 5U);
        auto sri = Hash::parse(fields[4]).value();
        auto algorithm = sri.algorithm();
        BOOST_TEST(to_string(algorithm) == fields[1]);
        auto made = hash_bytes(algorithm, fields[0]);
        BOOST_TEST((made == sri));
        BOOST_TEST(made.to_base16() == fields[2]);
        BOOST_TEST(made.to_nix32() == fields[3]);
        BOOST_TEST(made.to_sri() == fields[4]);
        auto prefix = std::string(fields[1]) + ":";
        BOOST_TEST(made.to_string() == prefix + std::string(fields[3]));
        for (auto digits : {std::string(fields[2]), std::string(fields[3]), to_base64(made.digest())}) {
            BOOST_TEST((Hash::parse(prefix + digits).value() == made));
            BOOST_TEST((Hash::parse_digits(algorithm, digits).value() == made));
        }
    }
    BOOST_TEST(lines == 12U);
}

BOOST_AUTO_TEST_CASE(pieces_hash_like_the_whole) {
    Hasher hasher(HashAlgorithm::sha256);
    std::string whole;
    for (int i = 0; i < 500; ++i) {
        std::string piece(static_cast<std::size_t>(i), static_cast<char>(i));
        hasher.update(piece);
        whole += piece;
    }
    Hasher moved(std::move(hasher));
    BOOST_TEST((moved.finish() == hash_bytes(HashAlgorithm::sha256, whole)));
}

BOOST_AUTO_TEST_CASE(what_is_no_hash_is_refused) {
    const std::string nix32 = "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";
    BOOST_TEST(Hash::parse("sha256:" + nix32).has_value());
    for (const auto& text :
         {std::string(), std::string("sha256"), nix32, "sha3:" + nix32, "sha256-" + nix32, "sha1:" + nix32,
          "sha256:" + nix32 + "0", "sha256:" + nix32.substr(1), "sha256:e" + nix32.substr(1),
          "sha256:z" + nix32.substr(1), "sha256: " + nix32, "SHA256:" + nix32, std::string("sha256:"),
          std::string("sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF=="),
          std::string("sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU")})
        BOOST_TEST(!Hash::parse(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(a_bad_hash_is_named_with_what_is_wrong) {
    auto failure = Hash::parse("sha256:abc").error();
    BOOST_TEST(failure.cause() == "bad hash 'abc': 3 digits make no sha256, that takes 64, 52 or 44");
}

BOOST_AUTO_TEST_CASE(a_digest_of_another_length_is_a_broken_invariant) {
    BOOST_CHECK_THROW(Hash(HashAlgorithm::sha256, "short"), std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()
