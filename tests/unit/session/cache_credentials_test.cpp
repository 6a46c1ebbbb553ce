#include "session/cache_credentials.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using session::credentials_for_own;
using session::credentials_for_upstream;

namespace {

cache::CacheUri uri(const std::string& text) { return cache::CacheUri::parse(text).value(); }

const Environment environment({{"CACHEFILL_BEARER_TOKEN", "for-the-cache"},
                               {"CACHEFILL_BEARER_TOKEN_CACHE_EXAMPLE", "for-the-host"},
                               {"CACHIX_AUTH_TOKEN", "for-cachix"}});

} // namespace

BOOST_AUTO_TEST_SUITE(cache_credentials)

BOOST_AUTO_TEST_CASE(a_cache_that_only_the_checkout_names_gets_no_bearer_token) {
    options::Settings settings;
    auto given = credentials_for_own(settings, environment, uri("https://cache.example/nix"));
    BOOST_REQUIRE(given);
    BOOST_TEST(given->bearer->reveal() == "for-the-host");
    BOOST_TEST(credentials_for_own(settings, environment, uri("https://other.example"))->bearer->reveal() ==
               "for-the-cache");
    settings.cache_by_checkout = true;
    for (const auto* text : {"https://cache.example/nix", "https://other.example"}) {
        auto named = credentials_for_own(settings, environment, uri(text));
        BOOST_REQUIRE(named);
        BOOST_TEST((!named->bearer && !named->read_bearer), text);
        BOOST_TEST((named->logins == http::Logins::named), text); // nor netrc's default
        BOOST_TEST((!named->token && !named->signing_key), text);
    }
    BOOST_TEST(credentials_for_own(settings, environment, uri("team"))->token->reveal() == "for-cachix");
}

BOOST_AUTO_TEST_CASE(a_bucket_is_asked_as_who_we_are_only_if_we_named_it) {
    auto with_key = environment;
    with_key.set("AWS_ACCESS_KEY_ID", "AKTEST");
    with_key.set("AWS_SECRET_ACCESS_KEY", "for-buckets");
    options::Settings settings;
    auto bucket = uri("s3://nix?endpoint=https://minio.example");
    BOOST_TEST(credentials_for_own(settings, with_key, bucket)->aws.key.has_value());
    BOOST_TEST(!credentials_for_own(settings, with_key, uri("https://other.example"))->aws.key.has_value());
    settings.cache_by_checkout = true;
    auto named = credentials_for_own(settings, with_key, bucket);
    BOOST_REQUIRE(named);
    BOOST_TEST(!named->aws.key.has_value());
    BOOST_TEST((named->logins == http::Logins::named));
    daemon::Settings nix;
    BOOST_TEST(!credentials_for_upstream(settings, nix, with_key, bucket).aws.key.has_value());
    settings.upstreams = {GivenUrl("s3://nix?endpoint=minio.example&region=x")};
    BOOST_TEST(credentials_for_upstream(settings, nix, with_key, bucket).aws.key.has_value());
}

BOOST_AUTO_TEST_CASE(a_token_that_is_kept_back_from_plain_http_is_said) {
    options::Settings settings;
    auto refused = credentials_for_own(settings, environment, uri("http://nas.lan:8080"));
    BOOST_REQUIRE(!refused);
    BOOST_TEST((refused.error().kind() == FailureKind::usage));
    BOOST_TEST(refused.error().hint().find("https://") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_upstream_gets_its_token_if_the_user_or_this_machine_names_it) {
    options::Settings settings;
    daemon::Settings nix;
    auto reads = [&](const std::string& text) {
        return credentials_for_upstream(settings, nix, environment, uri(text)).read_bearer.has_value();
    };
    BOOST_TEST(!reads("https://cache.example")); // only some host's configuration does
    auto of_a_host = credentials_for_upstream(settings, nix, environment, uri("http://cache.example"));
    BOOST_TEST((of_a_host.logins == http::Logins::named));
    settings.upstreams = {GivenUrl("https://cache.example/?priority=1")};
    BOOST_TEST(reads("https://cache.example"));
    settings.upstreams = {};
    nix.substituters = {"https://cache.nixos.org", "https://cache.example"};
    BOOST_TEST(reads("https://cache.example"));
    BOOST_TEST(!reads("https://cache.example/other")); // of somebody else on that host
}

BOOST_AUTO_TEST_SUITE_END()
