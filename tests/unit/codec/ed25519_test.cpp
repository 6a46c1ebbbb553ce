#include "codec/ed25519.hpp"
#include "codec/encoding.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::codec;

BOOST_AUTO_TEST_SUITE(ed25519)

BOOST_AUTO_TEST_CASE(the_second_vector_of_rfc_8032_holds) {
    auto public_key = from_base16("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c").value();
    Secret secret(from_base16("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb").value() + public_key);
    auto signature = ed25519_sign(secret, "\x72").value();
    BOOST_TEST(to_base16(signature) == "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                                       "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    BOOST_TEST(ed25519_verify(public_key, "\x72", signature));
    BOOST_TEST(ed25519_public_key(secret).value() == public_key);
}

BOOST_AUTO_TEST_CASE(nothing_else_verifies) {
    auto pair = ed25519_generate();
    BOOST_TEST(pair.secret.reveal().size() == 64U);
    BOOST_TEST(pair.secret.reveal().substr(32) == pair.public_key);
    auto signature = ed25519_sign(pair.secret, "message").value();
    BOOST_TEST(ed25519_verify(pair.public_key, "message", signature));
    BOOST_TEST(!ed25519_verify(pair.public_key, "massage", signature));
    BOOST_TEST(!ed25519_verify(pair.public_key, "", signature));
    BOOST_TEST(!ed25519_verify(ed25519_generate().public_key, "message", signature));
    for (std::size_t i = 0; i < signature.size(); ++i) {
        auto changed = signature;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        BOOST_TEST(!ed25519_verify(pair.public_key, "message", changed));
    }
}

BOOST_AUTO_TEST_CASE(keys_and_signatures_of_other_lengths_are_refused) {
    auto pair = ed25519_generate();
    auto signature = ed25519_sign(pair.secret, "message").value();
    BOOST_TEST(!ed25519_verify(pair.public_key.substr(1), "message", signature));
    BOOST_TEST(!ed25519_verify("", "message", signature));
    BOOST_TEST(!ed25519_verify(pair.public_key, "message", signature.substr(1)));
    BOOST_TEST(!ed25519_verify(pair.public_key, "message", ""));
    BOOST_TEST(!ed25519_sign(Secret("short"), "message").has_value());
    BOOST_TEST(!ed25519_sign(Secret(), "message").has_value());
}

BOOST_AUTO_TEST_CASE(the_public_half_of_a_secret_is_not_believed) {
    auto pair = ed25519_generate();
    auto seed = std::string(pair.secret.reveal().substr(0, 32));
    Secret lying(seed + std::string(32, '\0'));
    BOOST_TEST(ed25519_public_key(lying).value() == pair.public_key);
    auto signature = ed25519_sign(lying, "message").value();
    BOOST_TEST(signature == ed25519_sign(pair.secret, "message").value()); // nor does it get into a signature
    BOOST_TEST(ed25519_verify(pair.public_key, "message", signature));
}

BOOST_AUTO_TEST_CASE(a_signature_has_one_spelling) {
    // S + L is the same number to the curve (RFC 8032, 8.4); who took both could be shown two signatures of one text.
    auto order = from_base16("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").value();
    auto pair = ed25519_generate();
    auto signature = ed25519_sign(pair.secret, "message").value();
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
        auto sum = static_cast<unsigned char>(signature[32 + i]) + static_cast<unsigned char>(order[i]) + carry;
        signature[32 + i] = static_cast<char>(sum & 0xFF);
        carry = sum >> 8;
    }
    BOOST_TEST(!ed25519_verify(pair.public_key, "message", signature));
}

BOOST_AUTO_TEST_CASE(two_keys_are_never_the_same_and_a_wrong_one_says_how_long_it_is) {
    BOOST_TEST(ed25519_generate().public_key != ed25519_generate().public_key);
    auto refused = ed25519_sign(Secret(std::string(32, 'k')), "message");
    BOOST_REQUIRE(!refused);
    BOOST_TEST((refused.error().kind() == FailureKind::usage));
    BOOST_TEST(refused.error().cause() == "an Ed25519 secret key has 64 bytes, not 32");
    BOOST_TEST(ed25519_public_key(Secret(std::string(65, 'k'))).error().cause() ==
               "an Ed25519 secret key has 64 bytes, not 65");
}

BOOST_AUTO_TEST_SUITE_END()
