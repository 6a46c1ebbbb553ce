#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "nix/signature.hpp"
#include "support/golden.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::nix;

namespace {

Secret golden_secret() { return Secret(test::golden("nix/golden-1.secret")); }

} // namespace

BOOST_AUTO_TEST_SUITE(signature)

BOOST_AUTO_TEST_CASE(a_key_pair_of_nix_is_read_and_written_as_it_was) {
    auto key = SecretKey::parse(golden_secret()).value();
    BOOST_TEST(key.name() == "golden-1");
    BOOST_TEST(key.public_key().to_string() == trim(test::golden("nix/golden-1.public")));
    BOOST_TEST(key.to_secret_text().reveal() == trim(golden_secret().reveal()));
    BOOST_TEST((PublicKey::parse(key.public_key().to_string()).value() == key.public_key()));
}

BOOST_AUTO_TEST_CASE(a_bare_secret_key_has_no_name_and_signs) {
    auto key = SecretKey::generate("cache");
    auto text = key.to_secret_text();
    auto bare = SecretKey::parse(Secret(std::string(text.reveal().substr(6)) + "\n")).value();
    BOOST_TEST(bare.name() == "");
    BOOST_TEST(bare.sign_raw("x").value() == key.sign_raw("x").value());
}

BOOST_AUTO_TEST_CASE(what_is_no_secret_key_is_refused_without_showing_it) {
    auto good = golden_secret();
    auto text = std::string(trim(good.reveal()));
    auto digits = text.substr(9);
    auto halves = codec::from_base64(digits).value();
    halves[40] = static_cast<char>(halves[40] ^ 1);
    for (const auto& bad : {std::string(), std::string("golden-1:"), "golden-1:" + digits.substr(4),
                            "golden-1:" + digits + "AAAA", "golden-1: " + digits, test::golden("nix/golden-1.public"),
                            "golden-1:" + codec::to_base64(halves), digits.substr(0, 20) + "!" + digits.substr(21)}) {
        auto parsed = SecretKey::parse(Secret(bad));
        BOOST_REQUIRE(!parsed);
        BOOST_TEST((parsed.error().kind() == FailureKind::usage));
        auto shown = render(parsed.error());
        BOOST_TEST(shown.find(digits.substr(4, 16)) == std::string::npos, shown);
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_public_key_is_refused) {
    auto good = std::string(trim(test::golden("nix/golden-1.public")));
    BOOST_TEST(PublicKey::parse(good).has_value());
    auto digits = good.substr(9);
    for (const auto& bad : {std::string(), std::string("golden-1"), std::string("golden-1:"), digits, ":" + digits,
                            good.substr(0, good.size() - 4), "golden-1:!" + digits.substr(1), "a:" + good})
        BOOST_TEST(!PublicKey::parse(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(a_public_key_has_a_name_that_can_stand_in_any_configuration) {
    auto digits = std::string(trim(test::golden("nix/golden-1.public"))).substr(9);
    for (const std::string name : {"cache.nixos.org-1", "nix-community.cachix.org-1", "host_2", "kim@desk", "a/b+c"})
        BOOST_TEST(PublicKey::parse(name + ":" + digits).has_value(), name);
    for (const std::string name :
         {"a b", "a\nb", "a\tb", "a#b", "a\"b", "a'b", "a\\b", "${a}", "a\x1b]0;b", "\xC3\xA4"}) {
        auto parsed = PublicKey::parse(name + ":" + digits);
        BOOST_TEST(!parsed.has_value(), name);
        BOOST_TEST((parsed || parsed.error().one_line().find_first_of("\n\x1b") == std::string::npos));
    }
}

BOOST_AUTO_TEST_CASE(a_public_key_ends_at_its_first_equals_sign_or_without_one) {
    auto good = std::string(trim(test::golden("nix/golden-1.public")));
    BOOST_REQUIRE(good.ends_with("="));
    for (const auto& text : {good, good.substr(0, good.size() - 1), good + "=", good + "AAAA"}) {
        auto key = PublicKey::parse(text);
        BOOST_TEST_REQUIRE(key.has_value(), text);
        BOOST_TEST(key->to_string() == good);
    }
}

BOOST_AUTO_TEST_CASE(a_secret_key_where_the_public_one_belongs_is_not_shown) {
    auto text = std::string(trim(golden_secret().reveal()));
    auto parsed = PublicKey::parse(text);
    BOOST_REQUIRE(!parsed);
    BOOST_TEST(render(parsed.error()).find(text.substr(9, 20)) == std::string::npos);
    // Without its name, or with a slip of the keyboard in it, it is one all the same.
    for (const auto& variant : {text.substr(9), text.substr(0, text.size() - 2), text + "x"}) {
        auto slipped = PublicKey::parse(variant);
        BOOST_REQUIRE(!slipped);
        BOOST_TEST(render(slipped.error()).find(text.substr(15, 20)) == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(name_and_bytes_of_a_signature_must_both_fit) {
    auto key = SecretKey::generate("ours-1");
    auto other = SecretKey::generate("ours-1");
    auto signature = key.sign("fingerprint").value();
    auto digits = signature.substr(7);
    std::vector<PublicKey> keys{other.public_key(), key.public_key()};
    auto accepts = [&](const std::vector<std::string>& signatures) {
        return signed_by_one_of("fingerprint", signatures, keys);
    };
    BOOST_TEST(accepts({signature}));
    BOOST_TEST(accepts({"theirs:" + digits, "", "garbage", ":", signature}));
    BOOST_TEST(!accepts({}));
    BOOST_TEST(!accepts({"theirs:" + digits, digits, ":" + digits, "ours-1:" + digits.substr(4), "ours-1:"}));
    BOOST_TEST(!signed_by_one_of("Fingerprint", std::vector{signature}, keys));
    BOOST_TEST(!signed_by_one_of("fingerprint", std::vector{signature}, {}));
}

BOOST_AUTO_TEST_SUITE_END()
