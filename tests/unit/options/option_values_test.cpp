#include "nix/signature.hpp"
#include "options/inputs.hpp"
#include "options/option_values.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::options;

namespace {

using Apply = Result<void> (*)(Settings&, const OptionValues&);

// "fine", or what it says.
std::string said(Apply apply, const OptionValues& values) {
    Settings settings;
    auto applied = apply(settings, values);
    if (applied) return "fine";
    BOOST_TEST((applied.error().kind() == FailureKind::usage));
    return applied.error().one_line() + " | " + applied.error().hint();
}
Settings after(Apply apply, const OptionValues& values) {
    Settings settings;
    auto applied = apply(settings, values);
    if (!applied) BOOST_FAIL(applied.error().one_line());
    return settings;
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

BOOST_AUTO_TEST_SUITE(option_values)

BOOST_AUTO_TEST_CASE(a_cache_may_be_read_in_one_place_and_filled_in_another) {
    BOOST_TEST(after(apply_cache, {"team"}).cache.reveal() == "team");
    BOOST_TEST(after(apply_cache, {"read:https://a", "push:https://b/up"}).cache.reveal() ==
               "https://a?push=https%3A%2F%2Fb%2Fup");
    BOOST_TEST(after(apply_cache, {"push:/up", "read:https://a?trusted=1"}).cache.reveal() ==
               "https://a?trusted=1&push=%2Fup");
    BOOST_TEST(has(said(apply_cache, {"push:https://b"}), "the URL from which the cache is read"));
    BOOST_TEST(has(said(apply_cache, {"one", "two"}), "read: URL and push: URL"));
    Settings settings;
    settings.cache_by_checkout = true;
    BOOST_TEST(apply_cache(settings, {"team"}).has_value());
    BOOST_TEST(!settings.cache_by_checkout); // somebody else has said so now
    BOOST_TEST(names_trusted_cache("https://a?trusted=1"));
    BOOST_TEST(names_trusted_cache("read:https://a?trusted=1"));
    BOOST_TEST(!names_trusted_cache("https://a"));
    BOOST_TEST(!names_trusted_cache("ftp://a?trusted=1"));
}

BOOST_AUTO_TEST_CASE(what_makes_a_run_fail_is_chosen_by_name) {
    using Causes = std::set<FailureCause>;
    BOOST_TEST((after(apply_fail_on, {"build", "push"}).fail_on == Causes{FailureCause::build, FailureCause::push}));
    BOOST_TEST(after(apply_fail_on, {"none"}).fail_on.empty());
    BOOST_TEST(has(said(apply_fail_on, {"none", "build"}), "none alone"));
    BOOST_TEST(has(said(apply_fail_on, {"Build"}), "'Build' is not usable here"));
}

BOOST_AUTO_TEST_CASE(what_comes_last_is_a_glob_on_names_for_one_system_or_all) {
    auto rules = after(apply_defer, {"firefox-*", "aarch64-linux:linux-*"}).defer;
    BOOST_REQUIRE(rules.size() == 2U);
    BOOST_TEST(rules[0].system == "");
    BOOST_TEST(rules[0].pattern == "firefox-*");
    BOOST_TEST(rules[1].system == "aarch64-linux");
    BOOST_TEST(rules[1].pattern == "linux-*");
    for (const auto* text : {"", "aarch64-linux:", "linux:x", ":x", "/nix/store/x", "a-b:c:d"})
        BOOST_TEST(said(apply_defer, {text}) != "fine", text);
}

BOOST_AUTO_TEST_CASE(a_system_has_a_dash_and_nothing_that_belongs_to_targets) {
    BOOST_TEST(
        (after(apply_systems, {"x86_64-linux", "*-darwin"}).systems == OptionValues{"x86_64-linux", "*-darwin"}));
    for (const auto* text : {"linux", "nixos:a-b", "!x-y", "a-b c", "a-b/c"})
        BOOST_TEST(said(apply_systems, {text}) != "fine", text);
}

BOOST_AUTO_TEST_CASE(a_runner_is_a_system_and_a_plain_label) {
    auto runners = after(apply_runners, {"aarch64-linux:arm", "aarch64-linux:big", "x86_64-linux:a:b"}).runners;
    BOOST_TEST((runners.at("aarch64-linux") == OptionValues{"arm", "big"}));
    BOOST_TEST((runners.at("x86_64-linux") == OptionValues{"a:b"}));
    for (const auto* text : {"aarch64-linux", "aarch64-linux:", "linux:arm", "a-b:${{ secrets.X }}", "a-b:x\ny"})
        BOOST_TEST(said(apply_runners, {text}) != "fine", text);
}

BOOST_AUTO_TEST_CASE(a_cache_of_the_service_has_a_name_an_address_and_files_of_its_own) {
    auto caches =
        after(apply_push_caches,
              {"nas=https://n.example,push=/up,token-file=/run/t,signing-key-file=/run/k,optional", "team=demo"})
            .push_caches;
    BOOST_REQUIRE(caches.size() == 2U);
    BOOST_TEST(caches[0].name == "nas");
    BOOST_TEST(caches[0].uri.reveal() == "https://n.example?push=%2Fup");
    BOOST_TEST(caches[0].token_file == "/run/t");
    BOOST_TEST(caches[0].signing_key_file == "/run/k");
    BOOST_TEST(caches[0].is_optional);
    BOOST_TEST(!caches[1].is_optional);
    BOOST_TEST(after(apply_push_caches, {"a=https://demo.cachix.org"}).push_caches[0].uri.reveal() == "cachix://demo");
    BOOST_TEST(!after(apply_push_caches, {"a=demo,optional=false"}).push_caches[0].is_optional);
    BOOST_TEST(has(said(apply_push_caches, {"a=demo", "a=other"}), "two caches are called 'a'"));
    for (const auto* text :
         {"", "a", "a=", "=demo", "a b=demo", "a=demo,colour=red", "a=demo,token-file=", "a=ftp://x"})
        BOOST_TEST(said(apply_push_caches, {text}) != "fine", text);
    BOOST_TEST(!has(said(apply_push_caches, {"a b=https://kim:s3cret@x"}), "s3cret"));
    BOOST_TEST(!has(said(apply_push_caches, {"a=demo,https://kim:s3cret@x"}), "s3cret"));
}

BOOST_AUTO_TEST_CASE(a_key_is_one_that_nix_can_read_and_a_moment_lies_in_the_past) {
    auto key = nix::SecretKey::generate("own-1").public_key().to_string();
    BOOST_TEST(after(apply_public_keys, {key}).trusted_public_keys[0] == key);
    BOOST_TEST(said(apply_public_keys, {key, "own-1"}) != "fine");
    BOOST_TEST(after(apply_since, {"3d"}).since == "3d");
    BOOST_TEST(after(apply_since, {"2h", "2026-08-01"}).since == "2026-08-01"); // the last word counts
    BOOST_TEST(has(said(apply_since, {"yesterday"}), "2026-08-01"));
}

BOOST_AUTO_TEST_CASE(a_login_is_refused_where_no_address_is_expected_and_repeated_nowhere) {
    BOOST_TEST(without_login({"plain", "https://x"}).has_value());
    auto refused = without_login({"plain", "https://kim:s3cret@x"});
    BOOST_REQUIRE(!refused.has_value());
    BOOST_TEST(!has(refused.error().one_line() + refused.error().hint(), "s3cret"));
    BOOST_TEST(!has(unusable("https://kim:s3cret@x/\x1b[1m", "a name").one_line(), "s3cret"));
    BOOST_TEST(!has(unusable("x\x1b[1m", "a name").one_line(), "\x1b"));
}

BOOST_AUTO_TEST_CASE(inputs_of_the_action_are_options_by_their_variables) {
    auto applied = [](std::map<std::string, std::string> variables) {
        Settings settings;
        auto result = apply_inputs(Environment(std::move(variables)), settings);
        if (!result) BOOST_FAIL(result.error().one_line());
        return settings;
    };
    auto settings = applied({{"CACHEFILL_INPUT_CACHE", " team\n"},
                             {"CACHEFILL_INPUT_HOSTS", "nixos:a, nixos:b\n\n nixos:c"},
                             {"CACHEFILL_INPUT_MAX_SILENT", ""},
                             {"CACHEFILL_INPUT_FLAKE", "./sub"},
                             {"UNRELATED", "x"}});
    BOOST_TEST(settings.cache.reveal() == "team");
    BOOST_TEST((settings.hosts == OptionValues{"nixos:a", "nixos:b", "nixos:c"}));
    BOOST_TEST((settings.max_silent == Settings().max_silent));
    BOOST_TEST(applied({{"CACHEFILL_INPUT_HOSTS", " ,\n,"}}).hosts.empty());
}

BOOST_AUTO_TEST_CASE(an_input_that_is_none_or_says_nonsense_is_a_failure) {
    auto refused = [](std::map<std::string, std::string> variables) {
        Settings settings;
        auto result = apply_inputs(Environment(std::move(variables)), settings);
        BOOST_REQUIRE(!result.has_value());
        return result.error().one_line() + " | " + result.error().hint();
    };
    BOOST_TEST(has(refused({{"CACHEFILL_INPUT_HOTS", "x"}}), "did you mean 'CACHEFILL_INPUT_HOSTS'?"));
    BOOST_TEST(has(refused({{"CACHEFILL_INPUT_XYZZYXYZZY", "x"}}), "docs/github.md"));
    BOOST_TEST(has(refused({{"CACHEFILL_INPUT_FAIL_ON", "x"}}), "reading the input 'fail-on'"));
}

BOOST_AUTO_TEST_CASE(the_address_of_a_cachix_cache_is_its_name) {
    for (std::string address :
         {"https://my-cache.cachix.org", "https://my-cache.cachix.org/", "https://app.cachix.org/cache/my-cache"}) {
        BOOST_TEST(cachix_name_in(address) == "cachix://my-cache", address);
        BOOST_TEST(after(apply_cache, {address}).cache.reveal() == "cachix://my-cache", address);
    }
    BOOST_TEST(cachix_name_in("https://my-cache.cachix.org?priority=30") == "cachix://my-cache?priority=30");
    for (std::string other :
         {"my-cache", "cachix://my-cache", "http://my-cache.cachix.org", "https://a.b.cachix.org", "https://cachix.org",
          "https://my-cache.cachix.org/x", "https://my-cache.cachix.org:8443", "https://kim@my-cache.cachix.org",
          "https://app.cachix.org/cache/", "https://app.cachix.org/cache/a/b", "https://my-cache.cachix.org.example"})
        BOOST_TEST(cachix_name_in(other) == other);
}

BOOST_AUTO_TEST_SUITE_END()
