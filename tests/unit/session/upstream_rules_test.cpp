#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "options/settings.hpp"
#include "session/upstream_rules.hpp"
#include "support/machine.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;

BOOST_FIXTURE_TEST_SUITE(session_upstream_rules, Machine)

BOOST_AUTO_TEST_CASE(a_machine_trusts_what_its_nix_is_set_to) {
    daemon::Settings nix;
    nix.substituters = {"https://cache.nixos.org"};
    nix.trusted_public_keys = {"k-1:AAAA"};
    nix.require_sigs = false;
    nix.substitute = false;
    auto trust = session::machine_trust(nix);
    BOOST_TEST((trust.substituters == nix.substituters));
    BOOST_TEST((trust.trusted_public_keys == nix.trusted_public_keys));
    BOOST_TEST(!trust.require_sigs);
    BOOST_TEST(!trust.substitutes);
}

BOOST_AUTO_TEST_CASE(it_believes_what_it_signs_itself_as_far_as_its_keys_can_be_read) {
    auto own = nix::SecretKey::generate("own-1");
    write("key", std::string(own.to_secret_text().reveal()) + "\n");
    write("nonsense", "own-1:nonsense");
    write("nameless", std::string(own.to_secret_text().reveal()).substr(6));
    write("large", std::string(5000, 'x'));
    daemon::Settings nix;
    nix.by_name["secret-key-files"] = path("absent").string() + " " + path("nonsense").string() + "  " +
                                      path("nameless").string() + " " + path("large").string() + " " +
                                      path("key").string();
    auto trust = session::machine_trust(nix);
    BOOST_REQUIRE(trust.trusted_public_keys.size() == 1U);
    BOOST_TEST(trust.trusted_public_keys[0] == own.public_key().to_string());
    BOOST_TEST(trust.trusted_public_keys[0].find(std::string(own.to_secret_text().reveal()).substr(6)) ==
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_rules_of_a_run_are_what_its_settings_and_its_cache_say) {
    settings.upstreams = {GivenUrl("https://u.example")};
    settings.trusted_public_keys = {"t-1:AAAA"};
    settings.upstreams_from_hosts = false;
    settings.upstreams_count_given = true;
    settings.upstreams_ignore = {"*.slow"};
    cache::CacheInfo own;
    own.substituter_url = "https://own.example";
    own.public_keys = {nix::SecretKey::generate("own-1").public_key()};
    auto body = [&](session::Session& session) -> async::Task<void> {
        auto rules = session::upstream_rules(session, own);
        BOOST_TEST((rules.given == settings.upstreams));
        BOOST_TEST((rules.trusted_public_keys == settings.trusted_public_keys));
        BOOST_TEST(!rules.from_hosts);
        BOOST_TEST(rules.count_given);
        BOOST_TEST((rules.ignore == settings.upstreams_ignore));
        BOOST_TEST(rules.excluded.empty());
        BOOST_TEST(rules.own_substituter == "https://own.example");
        BOOST_TEST(rules.own_keys.size() == 1U);
        // No daemon was reached, so none obeys us.
        BOOST_TEST(!rules.machine_obeys);
        BOOST_TEST(!rules.machine_may_obey);
        auto upstream = session::upstream_maker(session)(cache::CacheUri::parse("https://u.example").value());
        BOOST_REQUIRE((upstream != nullptr));
        BOOST_TEST(upstream->uri().to_string() == "https://u.example");
        co_return;
    };
    run(body);
}

BOOST_AUTO_TEST_SUITE_END()
