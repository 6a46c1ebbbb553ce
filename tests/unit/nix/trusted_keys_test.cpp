// What Nix 2.8 believes was tried with it, case by case; tests/e2e/trust asks it again.
#include "base/files.hpp"
#include "nix/trusted_keys.hpp"
#include "support/golden.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::nix;

namespace {

NarInfo record(std::vector<std::string> signatures) {
    NarInfo info{.path = StorePath::parse("/nix/store/46kiwi8s1birmcjzjv8g3kiz1s4k43il-ok").value(),
                 .url = "nar/x.nar",
                 .compression = codec::Compression::none,
                 .file_hash = {},
                 .file_size = {},
                 .nar_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, "nar"),
                 .nar_size = 3,
                 .references = {},
                 .deriver = {},
                 .signatures = std::move(signatures),
                 .content_address = {}};
    return info;
}

struct Keys {
    SecretKey old = SecretKey::generate("name-1"), renewed = SecretKey::generate("name-1"),
              other = SecretKey::generate("other-1");

    static std::string text(const SecretKey& key) { return key.public_key().to_string(); }
    static std::string sign(const SecretKey& key) { return key.sign(record({}).fingerprint()).value(); }
    Belief judge(const std::vector<std::string>& keys, std::vector<std::string> signatures) const {
        return TrustedKeys(keys).judge(record(std::move(signatures)));
    }
    // Of something that the renewed key signed.
    Belief judge(const std::vector<std::string>& keys) const { return judge(keys, {sign(renewed)}); }
};

} // namespace

namespace cachefill::nix {
std::ostream& operator<<(std::ostream& stream, Belief belief) { return stream << static_cast<int>(belief); }
} // namespace cachefill::nix

BOOST_FIXTURE_TEST_SUITE(trusted_keys, Keys)

BOOST_AUTO_TEST_CASE(of_two_keys_of_one_name_the_first_counts) {
    BOOST_TEST(judge({text(renewed)}) == Belief::believed);
    BOOST_TEST(judge({text(renewed), text(old)}) == Belief::believed);
    BOOST_TEST(judge({text(old), text(renewed)}) == Belief::wrong_key);
    BOOST_TEST(judge({text(renewed), text(renewed)}) == Belief::believed);
    TrustedKeys keys(std::vector{text(old), text(renewed)});
    BOOST_TEST(keys.trusts(old.public_key()));
    BOOST_TEST(!keys.trusts(renewed.public_key()));
    BOOST_TEST(keys.hides(renewed.public_key()));
    BOOST_TEST(!keys.hides(old.public_key()));
    BOOST_TEST(!keys.hides(other.public_key()));
}

BOOST_AUTO_TEST_CASE(one_that_is_no_key_ends_all_belief_wherever_it_stands) {
    auto secret = std::string(renewed.to_secret_text().reveal());
    auto digits = text(other).substr(8);
    const std::vector<std::string> none{"bad:AAAA",    "bad:@@@@", "nocolon", ":" + digits, "bad:", "a:b:" + digits,
                                        "name-1:AAAA", secret,     ""};
    for (const auto& bad : none) {
        BOOST_TEST(judge({bad, text(renewed)}) == Belief::broken_keys, bad);
        BOOST_TEST(judge({text(renewed), bad}) == Belief::broken_keys, bad);
        BOOST_TEST(judge({text(renewed), bad}, {}) == Belief::broken_keys);
        TrustedKeys keys(std::vector{text(renewed), bad});
        BOOST_TEST(!keys.trusts(renewed.public_key()));
        BOOST_TEST(!keys.broken().empty());
        BOOST_TEST(keys.broken().find(secret.substr(20, 20)) == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(a_key_without_its_last_character_of_padding_is_taken) {
    auto whole = text(renewed);
    BOOST_TEST(judge({whole.substr(0, whole.size() - 1)}) == Belief::believed);
    BOOST_TEST(judge({whole + "="}) == Belief::believed);
    BOOST_TEST(judge({whole + "abc"}) == Belief::believed);
    BOOST_TEST(judge({whole.substr(0, whole.size() - 2)}) == Belief::broken_keys);
}

BOOST_AUTO_TEST_CASE(why_a_record_is_not_believed_is_told_apart) {
    BOOST_TEST(judge({text(renewed)}, {}) == Belief::not_signed);
    BOOST_TEST(judge({}, {}) == Belief::not_signed);
    BOOST_TEST(judge({}) == Belief::unknown_key);
    BOOST_TEST(judge({text(other)}) == Belief::unknown_key);
    BOOST_TEST(judge({text(old)}) == Belief::wrong_key);
    auto named_otherwise = "other-1:" + sign(renewed).substr(7);
    BOOST_TEST(judge({text(renewed)}, {named_otherwise}) == Belief::unknown_key);
}

BOOST_AUTO_TEST_CASE(one_good_signature_is_enough_unless_what_stands_beside_it_in_a_name_that_counts_is_none) {
    auto good = sign(renewed);
    std::vector<std::string> keys{text(renewed)};
    BOOST_TEST(judge(keys, {"bad:AAAA", "nocolon", "zz:@@@@", good}) == Belief::believed);
    BOOST_TEST(judge(keys, {sign(old), good}) == Belief::believed);
    BOOST_TEST(judge(keys, {good, sign(old)}) == Belief::believed);
    BOOST_TEST(judge(keys, {good.substr(0, good.find('='))}) == Belief::believed);
    BOOST_TEST(judge(keys, {good + "="}) == Belief::believed);
    for (const char* bad : {"name-1:AAAA", "name-1:@@@@", "name-1:"}) {
        BOOST_TEST(judge(keys, {bad, good}) == Belief::broken_signature, bad);
        BOOST_TEST(judge(keys, {good, bad}) == Belief::broken_signature, bad);
    }
}

BOOST_AUTO_TEST_CASE(what_is_content_addressed_or_checked_by_nobody_needs_no_key) {
    std::vector<std::string> broken{"bad:AAAA"};
    std::size_t content_addressed = 0;
    for (const auto& file : test::golden_files("nix/cache", ".narinfo")) {
        auto info = NarInfo::parse(read_file(file).value()).value();
        bool needs_none = !info.content_address.empty();
        content_addressed += needs_none;
        BOOST_TEST(TrustedKeys(broken).believes(info) == needs_none, file);
        BOOST_TEST(TrustedKeys().believes(info) == needs_none, file);
        BOOST_TEST(TrustedKeys::everybody().believes(info), file);
    }
    BOOST_TEST(content_addressed > 0U);
    BOOST_TEST(TrustedKeys::everybody().believes(record({})));
    BOOST_TEST(TrustedKeys::everybody().trusts(other.public_key()));
}

BOOST_AUTO_TEST_SUITE_END()
