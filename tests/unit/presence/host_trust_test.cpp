#include "presence/host_trust.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::presence;

namespace {

using List = std::vector<std::string>;

struct Machine {
    std::string mine = nix::SecretKey::generate("mine-1").public_key().to_string(),
                theirs = nix::SecretKey::generate("theirs-1").public_key().to_string();
    MachineTrust machine{
        .substituters = {"https://m"}, .trusted_public_keys = {mine}, .require_sigs = true, .substitutes = true};

    static nix::CacheSettings conf(std::string_view text, nix::SettingsWords words) {
        nix::CacheSettings says;
        says.words = words;
        says.read(text);
        return says;
    }
    HostTrust host(std::string_view text) const {
        return trust_of("nixos:box", conf(text, nix::SettingsWords::nix_conf), machine);
    }
};

} // namespace

BOOST_TEST_SPECIALIZED_COLLECTION_COMPARE(List)

BOOST_FIXTURE_TEST_SUITE(host_trust, Machine)

BOOST_AUTO_TEST_CASE(what_a_host_does_not_say_it_has_from_its_machine) {
    for (const auto& host : {trust_of("x", {}, machine), host("")}) {
        BOOST_TEST(host.substituters == (List{"https://m"}));
        BOOST_TEST(host.keys.names() == "mine-1");
        BOOST_TEST(!host.says_something);
    }
    BOOST_TEST(host("extra-substituters = https://x").substituters == (List{"https://m", "https://x"}));
    BOOST_TEST(host("extra-trusted-public-keys = " + theirs).keys.names() == "mine-1, theirs-1");
}

BOOST_AUTO_TEST_CASE(what_it_says_replaces_even_if_that_is_nothing) {
    BOOST_TEST(host("substituters = https://x").substituters == (List{"https://x"}));
    BOOST_TEST(host("substituters =").substituters == List{});
    BOOST_TEST(host("trusted-public-keys = " + theirs).keys.names() == "theirs-1");
    BOOST_TEST(host("trusted-public-keys =").keys.names() == "");
    BOOST_TEST(host("trusted-public-keys =").says_something);
}

BOOST_AUTO_TEST_CASE(one_that_checks_no_signatures_believes_all_and_one_that_fetches_nothing_asks_nobody) {
    BOOST_TEST(!host("require-sigs = false").keys.checks());
    BOOST_TEST(host("require-sigs = true").keys.checks());
    BOOST_TEST(host("substitute = false").substituters == List{});
    machine.require_sigs = false;
    BOOST_TEST(!host("").keys.checks());
    BOOST_TEST(!trust_of("home:kim", conf("", nix::SettingsWords::home_settings), machine).keys.checks());
    // A machine with a configuration of its own does not go by what the one that builds leaves unchecked.
    for (auto words : {nix::SettingsWords::settings, nix::SettingsWords::binary_caches})
        BOOST_TEST(trust_of("nixos:nas", conf("", words), machine).keys.checks());
    BOOST_TEST(host("require-sigs = true").keys.checks());
    BOOST_TEST(!keys_of(machine).checks());
    machine.substitutes = false;
    BOOST_TEST(host("").substituters == List{});
    BOOST_TEST(host("substitute = true").substituters == (List{"https://m"}));
}

BOOST_AUTO_TEST_SUITE_END()
