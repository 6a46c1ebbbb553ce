#include "daemon/settings.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::daemon;

BOOST_AUTO_TEST_SUITE(settings)

BOOST_AUTO_TEST_CASE(values_are_typed_and_all_of_them_kept_by_name) {
    auto parsed = parse_settings(R"({
        "substituters": {"value": ["https://a", "https://b"], "defaultValue": []},
        "trusted-public-keys": {"value": ["k:x"]}, "system": {"value": "x86_64-linux"},
        "extra-platforms": {"value": ["i686-linux"]}, "system-features": {"value": ["kvm", "big-parallel"]},
        "max-jobs": {"value": 8}, "cores": {"value": 0}, "builders": {"value": "@/etc/nix/machines"},
        "max-silent-time": {"value": 60}, "timeout": {"value": 3600}, "require-sigs": {"value": false},
        "sandbox": {"value": "relaxed"}, "substitute": {"value": true}, "always-allow-substitutes": {"value": true},
        "netrc-file": {"value": "/etc/nix/netrc"}, "some-map": {"value": {"a": "1", "b": "2"}},
        "access-tokens": {"value": {"github.com": "ghp_secret"}}, "odd": 5})")
                      .value();
    BOOST_TEST((parsed.substituters == std::vector<std::string>{"https://a", "https://b"}));
    BOOST_TEST((parsed.system_features == std::vector<std::string>{"kvm", "big-parallel"}));
    BOOST_TEST(parsed.max_jobs == 8U);
    BOOST_TEST(parsed.timeout == 3600U);
    BOOST_TEST(!parsed.require_sigs);
    BOOST_TEST(parsed.always_allow_substitutes);
    BOOST_TEST(parsed.sandbox == "relaxed");
    BOOST_TEST(parsed.netrc_file == "/etc/nix/netrc");
    BOOST_TEST(parsed.by_name.at("substituters") == "https://a https://b");
    BOOST_TEST(parsed.by_name.at("some-map") == "a=1 b=2");
    BOOST_TEST(!parsed.by_name.contains("access-tokens"));
    BOOST_TEST(parsed.access_tokens.reveal() == "github.com=ghp_secret");
}

BOOST_AUTO_TEST_CASE(how_caches_are_asked_is_told_only_where_somebody_has_decided_it) {
    auto untouched = parse_settings(R"({"system": {"value": "x86_64-linux"},
        "http-connections": {"value": 25, "defaultValue": 25}, "connect-timeout": {"value": 15, "defaultValue": 15},
        "stalled-download-timeout": {"value": 300, "defaultValue": 300}, "download-attempts": {"value": 5, "defaultValue": 5},
        "ssl-cert-file": {"value": "/etc/ssl/x", "defaultValue": "/etc/ssl/x"}})")
                         .value();
    BOOST_TEST(!untouched.http_connections);
    BOOST_TEST(!untouched.connect_timeout);
    BOOST_TEST(!untouched.stalled_timeout);
    BOOST_TEST(!untouched.download_attempts);
    BOOST_TEST(untouched.ssl_cert_file.empty());
    auto decided = parse_settings(R"({"system": {"value": "x86_64-linux"}, "store": {"value": "local?root=/srv"},
        "http-connections": {"value": 0, "defaultValue": 25}, "connect-timeout": {"value": 3, "defaultValue": 0},
        "stalled-download-timeout": {"value": 18446744073709551615, "defaultValue": 300},
        "download-attempts": {"value": 1, "defaultValue": 5}, "fallback": {"value": true},
        "ssl-cert-file": {"value": "/srv/ca.pem", "defaultValue": null},
        "narinfo-cache-negative-ttl": {"value": 0, "defaultValue": 3600}})")
                       .value();
    BOOST_TEST(decided.store == "local?root=/srv");
    BOOST_TEST(decided.http_connections.value() == 0U);
    BOOST_TEST(decided.connect_timeout.value().count() == 3);
    BOOST_TEST((decided.stalled_timeout.value() == std::chrono::hours(365 * 24)));
    BOOST_TEST(decided.download_attempts.value() == 1U);
    BOOST_TEST(decided.fallback);
    BOOST_TEST(decided.ssl_cert_file == "/srv/ca.pem");
    BOOST_TEST(decided.narinfo_absent_ttl.count() == 0);
}

BOOST_AUTO_TEST_CASE(nobody_builds_on_a_machine_without_jobs) {
    BOOST_TEST(parse_settings(R"({"system": {"value": "x"}, "max-jobs": {"value": 0}})").value().max_jobs == 0U);
    BOOST_TEST(parse_settings(R"({"system": {"value": "x"}, "max-jobs": {"value": "auto"}})").value().max_jobs > 0U);
}

BOOST_AUTO_TEST_CASE(settings_an_old_nix_does_not_know_have_its_behaviour) {
    auto parsed = parse_settings(R"({"system": {"value": "aarch64-darwin"}})").value();
    BOOST_TEST(!parsed.always_allow_substitutes);
    BOOST_TEST(parsed.require_sigs);
    BOOST_TEST(parsed.max_jobs == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_not_the_expected_json_is_a_failure) {
    for (const auto* text : {"", "warning: x", "[]", "{}", "{\"system\": {\"value\": \"\"}}", "{\"system\":"})
        BOOST_TEST(!parse_settings(text).has_value());
}

BOOST_AUTO_TEST_CASE(without_nix_the_advice_is_to_install_it) {
    auto task = [](async::Executor) -> async::Task<Result<Settings>> {
        Environment environment;
        environment.set("PATH", "/nonexistent");
        co_return co_await effective_settings(environment);
    };
    auto found = test::run_task<Result<Settings>>(task);
    BOOST_REQUIRE(!found);
    BOOST_TEST((found.error().kind() == FailureKind::machine));
    BOOST_TEST(found.error().hint().find("install Nix") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
