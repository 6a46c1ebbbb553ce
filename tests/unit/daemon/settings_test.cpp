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
