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

BOOST_AUTO_TEST_CASE(whatever_is_wrong_with_a_hash_is_told_apart) {
    const std::pair<std::string, std::string> table[] = {
        {"", "bad hash '': it does not begin with an algorithm, such as 'sha256:'"},
        {"abc", "bad hash 'abc': it does not begin with an algorithm, such as 'sha256:'"},
        {"sha3:abc", "bad hash 'sha3:abc': the algorithm is none of md5, sha1, sha256 and sha512"},
        {":abc", "bad hash ':abc': the algorithm is none of md5, sha1, sha256 and sha512"},
        {"sha1-AAAA", "bad hash 'sha1-AAAA': it has 3 bytes, not 20"},
        {"sha1-AAA", "bad hash 'sha1-AAA': not base 64: 3 digits are no whole number of bytes"},
        {"sha1-AAA?", "bad hash 'sha1-AAA?': not base 64: character 4 is not one of its digits"},
        {"md5:0123456789abcdef0123456789abcdeg",
         "bad hash '0123456789abcdef0123456789abcdeg': not base 16: character 32 is not one of its digits"},
    };
    for (const auto& [text, cause] : table) {
        auto parsed = Hash::parse(text);
        BOOST_REQUIRE_MESSAGE(!parsed.has_value(), text);
        BOOST_TEST(parsed.error().cause() == cause);
        BOOST_TEST((parsed.error().kind() == FailureKind::protocol));
    }
}

BOOST_AUTO_TEST_CASE(a_hostile_hash_fills_no_screen_and_steers_none) {
    auto failure = Hash::parse("sha256:\x1b[31m" + std::string(100'000, 'x')).error();
    BOOST_TEST(failure.cause().size() < 400U);
    BOOST_TEST(failure.cause().find('\x1b') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(base_64_of_a_whole_length_may_hold_too_few_bytes) {
    // 44 digits as sha256 has them, of which the padding says that it is 31 bytes or 33.
    BOOST_TEST(!Hash::parse("sha256:" + std::string(42, 'A') + "==").has_value());
    BOOST_TEST(!Hash::parse("sha256:" + std::string(44, 'A')).has_value());
    BOOST_TEST(Hash::parse("sha256:" + std::string(43, 'A') + "=").has_value());
}

BOOST_AUTO_TEST_CASE(hashes_of_other_algorithms_are_other_hashes) {
    Hash zero;
    BOOST_TEST(zero.to_base16() == std::string(64, '0'));
    BOOST_TEST((zero == Hash(HashAlgorithm::sha256, std::string(32, '\0'))));
    BOOST_TEST(!(zero == Hash(HashAlgorithm::md5, std::string(16, '\0'))));
    for (auto algorithm : {HashAlgorithm::md5, HashAlgorithm::sha1, HashAlgorithm::sha256, HashAlgorithm::sha512}) {
        auto hash = hash_bytes(algorithm, "abc");
        BOOST_TEST(hash.digest().size() == digest_size(algorithm));
        BOOST_TEST((Hash::parse(hash.to_string()).value() == hash));
        BOOST_TEST((Hash::parse(hash.to_sri()).value() == hash));
    }
    BOOST_TEST(hash_bytes(HashAlgorithm::sha1, "abc").to_base16() ==
               "a9993e364706816aba3e25717850c26c9cd0d89d"); // FIPS 180
}

BOOST_AUTO_TEST_CASE(a_key_goes_into_a_hash) { // RFC 4231, cases 1, 2 and 6
    const std::pair<std::string, std::string> inputs[]{
        {std::string(20, '\x0b'), "Hi There"},
        {"Jefe", "what do ya want for nothing?"},
        {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"}};
    const std::string wanted[]{"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
                               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"};
    for (std::size_t i = 0; i < 3; ++i)
        BOOST_TEST(hmac_sha256(inputs[i].first, inputs[i].second).to_base16() == wanted[i]);
}

BOOST_AUTO_TEST_SUITE_END()
