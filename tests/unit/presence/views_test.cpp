#include "presence/views.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::presence;
using nix::NarInfo;
using nix::SecretKey;
using nix::TrustedKeys;
using plan::bit;

namespace {

constexpr std::size_t own = plan::own_cache, a = 1, b = 2;

NarInfo record(const std::vector<const SecretKey*>& signers) {
    NarInfo info{.path = nix::StorePath::parse("/nix/store/46kiwi8s1birmcjzjv8g3kiz1s4k43il-ok").value(),
                 .url = "nar/x.nar",
                 .compression = codec::Compression::none,
                 .file_hash = {},
                 .file_size = {},
                 .nar_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, "nar"),
                 .nar_size = 3,
                 .references = {},
                 .deriver = {},
                 .signatures = {},
                 .content_address = {}};
    for (const auto* key : signers) info.signatures.push_back(key->sign(info.fingerprint()).value());
    return info;
}

struct Scene {
    SecretKey one = SecretKey::generate("one-1"), two = SecretKey::generate("two-1"),
              renewed = SecretKey::generate("one-1");
    Views views;
    plan::PathId path{7};

    static TrustedKeys trust(const std::vector<const SecretKey*>& keys) {
        std::vector<nix::PublicKey> all;
        for (const auto* key : keys) all.push_back(key->public_key());
        return TrustedKeys(all);
    }
    // Is what `present` says there for somebody with these keys, who asks that cache?
    bool sees(plan::CacheMask present, std::size_t cache, const std::vector<const SecretKey*>& keys) const {
        return (present & views.counting(cache, trust(keys))) != 0;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(views, Scene)

BOOST_AUTO_TEST_CASE(a_path_is_there_for_those_who_trust_the_key_that_signed_it) {
    views.learn(trust({&one, &two}));
    auto present = views.judge(a, path, record({&one}));
    BOOST_TEST(sees(present, a, {&one}));
    BOOST_TEST(sees(present, a, {&two, &one}));
    BOOST_TEST(!sees(present, a, {&two}));
    BOOST_TEST(!sees(present, a, {}));
    BOOST_TEST(!sees(present, b, {&one}));           // another cache, which they may not ask
    BOOST_TEST(!sees(present, a, {&renewed, &one})); // of one name the first counts
    auto by_both = views.judge(a, path, record({&one, &two}));
    BOOST_TEST(sees(by_both, a, {&one}));
    BOOST_TEST(sees(by_both, a, {&two}));
}

BOOST_AUTO_TEST_CASE(what_several_hosts_trust_is_what_each_of_them_trusts) {
    views.learn(trust({&one, &two, &renewed}));
    auto by_one = views.judge(a, path, record({&one}));
    auto by_two = views.judge(a, path, record({&two}));
    auto first = views.counting(a, trust({&one, &two})), second = views.counting(a, trust({&two, &renewed}));
    BOOST_TEST((by_two & first & second) != 0U);
    BOOST_TEST((by_one & first & second) == 0U);
    BOOST_TEST((first & second & bit(a)) != 0U); // still to be asked
}

BOOST_AUTO_TEST_CASE(the_bit_of_a_cache_says_that_it_was_asked_and_nothing_of_what_it_has) {
    views.learn(trust({&one}));
    auto present = views.judge(a, path, record({&one}));
    BOOST_TEST((present & plan::every_cache) == 0U);
    BOOST_TEST(views.caches_in(present) == bit(a));
    BOOST_TEST(views.cache_of(a) == a);
    for (std::size_t number = plan::first_view; number < plan::first_view + views.size(); ++number)
        BOOST_TEST(views.cache_of(number) == a);
    BOOST_TEST((views.all_of(a) & present) == present);
}

BOOST_AUTO_TEST_CASE(only_keys_that_sign_there_take_a_bit) {
    for (int i = 0; i < 200; ++i) {
        auto key = SecretKey::generate("unused-" + std::to_string(i));
        views.learn(trust({&key}));
    }
    views.learn(trust({&one}));
    for (std::size_t cache = 0; cache < 20; ++cache) BOOST_TEST(views.judge(cache, path, record({&one})) != 0U);
    BOOST_TEST(views.size() == 20U);
    BOOST_TEST(!views.is_full());
}

BOOST_AUTO_TEST_CASE(when_no_bit_is_left_nothing_is_claimed) {
    views.learn(trust({&one}));
    for (std::size_t cache = 0; cache < plan::most_caches; ++cache) views.judge(cache, path, record({&one}));
    BOOST_TEST(!views.is_full());
    views.learn(trust({&two}));
    auto present = views.judge(own, path, record({&two}));
    BOOST_TEST(present == 0U);
    BOOST_TEST(views.is_full());
}

BOOST_AUTO_TEST_CASE(what_needs_no_key_is_there_for_everybody_and_the_unsigned_for_those_who_do_not_check) {
    auto unsigned_one = record({});
    BOOST_TEST(views.judge(a, path, unsigned_one) == 0U);
    BOOST_TEST(views.strangers(a).size() == 1U);
    BOOST_TEST(views.strangers(a)[0].signer == "");
    views.learn(TrustedKeys::everybody());
    BOOST_TEST(views.take_doubtful().size() == 1U);
    auto present = views.judge(a, path, unsigned_one);
    BOOST_TEST((present & views.counting(a, TrustedKeys::everybody())) != 0U);
    BOOST_TEST(!sees(present, a, {&one}));
}

BOOST_AUTO_TEST_CASE(a_key_that_becomes_known_later_makes_what_it_signed_be_asked_for_again) {
    views.learn(trust({&two}));
    BOOST_TEST(views.judge(a, path, record({&one})) == 0U);
    BOOST_TEST(views.strangers(a).front().signer == "one-1");
    BOOST_TEST((views.strangers(a).front().example == path));
    views.learn(trust({&two}));
    BOOST_TEST(views.take_doubtful().empty());
    views.learn(trust({&one}));
    auto doubtful = views.take_doubtful();
    BOOST_REQUIRE(doubtful.size() == 1U);
    BOOST_TEST(doubtful[0].first == a);
    BOOST_TEST((doubtful[0].second == path));
    BOOST_TEST(views.take_doubtful().empty());
    BOOST_TEST(sees(views.judge(a, path, record({&one})), a, {&one}));
}

BOOST_AUTO_TEST_CASE(another_key_of_a_known_name_is_found_out_when_it_becomes_known) {
    views.learn(trust({&renewed}));
    BOOST_TEST(views.judge(a, path, record({&one})) == 0U);
    views.learn(trust({&one}));
    BOOST_TEST(views.take_doubtful().size() == 1U);
    auto present = views.judge(a, path, record({&one}));
    BOOST_TEST(sees(present, a, {&one}));
    BOOST_TEST(!sees(present, a, {&renewed}));
}

BOOST_AUTO_TEST_CASE(where_nix_would_give_up_nobody_sees_anything) {
    views.learn(trust({&one, &two}));
    auto info = record({&two});
    info.signatures.push_back("one-1:AAAA");
    BOOST_TEST(views.judge(a, path, info) == 0U);
    info.signatures.back() = "three-1:AAAA"; // nobody's
    BOOST_TEST(sees(views.judge(a, path, info), a, {&two}));
    // With a key among theirs that is none, they believe nothing.
    std::vector<std::string> broken{two.public_key().to_string(), "bad"};
    BOOST_TEST((views.judge(a, path, record({&two})) & views.counting(a, TrustedKeys(broken))) == 0U);
}

BOOST_AUTO_TEST_CASE(the_keys_that_sign_are_named) {
    views.learn(trust({&one, &two}));
    views.judge(a, path, record({&one}));
    BOOST_TEST((views.signers(a) == std::vector{one.public_key()}));
    BOOST_TEST(views.signers(b).empty());
}

BOOST_AUTO_TEST_SUITE_END()
