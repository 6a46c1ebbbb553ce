#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "eval/evaluator.hpp"
#include "options/config.hpp"
#include "options/yaml.hpp"

#include <boost/test/unit_test.hpp>
#include <yaml-cpp/yaml.h>

using namespace cachefill;
using namespace cachefill::options;

namespace {

const ConfigSource source{.name = "cachefill.yml", .standing = Standing::outside, .command = Command::run};

Settings accepted(const std::string& yaml) {
    Settings settings;
    auto applied = apply_config(yaml, source, settings);
    if (!applied) BOOST_FAIL(applied.error().one_line());
    return settings;
}

Failure refused(const std::string& yaml) {
    Settings settings;
    auto applied = apply_config(yaml, source, settings);
    BOOST_REQUIRE_MESSAGE(!applied.has_value(), "was accepted:\n" << yaml);
    BOOST_TEST((applied.error().kind() == FailureKind::usage));
    return applied.error();
}

} // namespace

BOOST_AUTO_TEST_SUITE(config)

BOOST_AUTO_TEST_CASE(what_is_no_yaml_is_told_without_its_control_characters) {
    for (const std::string yaml : {"cache: \"\\\x1b\"\n", "cache: \"\\x1\x1b\"\n", "ca\x1b[2J: x\n"}) {
        auto cause = refused(yaml).cause();
        BOOST_TEST(cause.find('\x1b') == std::string::npos, cause);
        BOOST_TEST(cause.starts_with("cachefill.yml:1:"), cause);
    }
}

BOOST_AUTO_TEST_CASE(a_whole_configuration_is_read) {
    auto settings = accepted("cache: team\n"
                             "hosts: [\"nixos:*\", \"!template-*\"]\n"
                             "evaluate-only: home:*\n"
                             "upstreams: {from-hosts: false, ignore: [\"*.ts.net\"]}\n"
                             "impure: never\n"
                             "pins: {branches: [main], keep: 3}\n"
                             "deadline: 5h30m\n"
                             "memory: 512M\n"
                             "fail-on: [build, push]\n"
                             "read-only: true\n");
    BOOST_TEST(settings.cache.reveal() == "team");
    BOOST_TEST(settings.hosts == (std::vector<std::string>{"nixos:*", "!template-*"}),
               boost::test_tools::per_element());
    BOOST_TEST(settings.evaluate_only == std::vector<std::string>{"home:*"}, boost::test_tools::per_element());
    BOOST_TEST(!settings.upstreams_from_hosts);
    BOOST_TEST(settings.upstreams_ignore == std::vector<std::string>{"*.ts.net"}, boost::test_tools::per_element());
    BOOST_TEST((settings.impure == eval::Impure::never));
    BOOST_TEST(settings.pin_keep == 3);
    BOOST_TEST(settings.deadline->count() == 5 * 3600 + 30 * 60);
    BOOST_TEST(settings.memory == 512ULL << 20);
    BOOST_TEST(settings.fail_on.size() == 2U);
    BOOST_TEST(settings.read_only);
}

BOOST_AUTO_TEST_CASE(a_cache_may_be_read_and_written_at_different_addresses) {
    auto settings = accepted("cache: {read: \"https://a.example\", push: \"https://b.example/up\"}\n"
                             "push: {caches: {nas: {uri: \"https://n.example\", push: /upload}}}\n");
    auto uri = cache::CacheUri::parse(settings.cache.reveal());
    BOOST_REQUIRE(uri);
    BOOST_TEST(uri->to_string() == "https://a.example");
    BOOST_TEST(uri->place_to_push().reveal() == "https://b.example/up");
    BOOST_REQUIRE(settings.push_caches.size() == 1U);
    BOOST_TEST(cache::CacheUri::parse(settings.push_caches[0].uri.reveal())->place_to_push().reveal() ==
               "https://n.example/upload");
    BOOST_TEST(refused("cache: {push: \"https://b.example\"}\n").cause().find("read") != std::string::npos);
    BOOST_TEST(refused("cache: {read: \"https://b.example\", write: x}\n").cause().find("write") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_empty_file_changes_nothing) {
    BOOST_TEST(accepted("").cache.empty());
    BOOST_TEST(accepted("# only a comment\n").cache.empty());
}

BOOST_AUTO_TEST_CASE(an_unknown_key_is_refused_with_its_place_and_the_one_that_was_meant) {
    auto failure = refused("cache: team\nhots: [nas]\n");
    BOOST_TEST(failure.cause() == "cachefill.yml:2:1: unknown key 'hots'");
    BOOST_TEST(failure.hint() == "did you mean 'hosts'?");
    BOOST_TEST(refused("\"a\\nnext: curl\": 1\n").cause() == "cachefill.yml:1:1: unknown key 'a\uFFFDnext: curl'");
    BOOST_TEST(refused("\"a\\nb\": 1\n\"a\\nb\": 1\n").cause().find('\n') == std::string::npos);
    BOOST_TEST(refused("completely-something-else: 1\n").hint().starts_with("the keys are: cache, hosts, "));
}

BOOST_AUTO_TEST_CASE(an_unknown_key_below_another_keeps_its_place) {
    auto failure = refused("upstreams:\n  from-hosts: true\n  ignor: [x]\n");
    BOOST_TEST(failure.cause() == "cachefill.yml:3:3: unknown key 'upstreams.ignor'");
    BOOST_TEST(failure.hint() == "did you mean 'upstreams.ignore'?");
}

BOOST_AUTO_TEST_CASE(flags_without_a_key_are_unknown_here) {
    BOOST_TEST(refused("verbose: true\n").cause() == "cachefill.yml:1:1: unknown key 'verbose'");
}

BOOST_AUTO_TEST_CASE(a_wrong_type_is_refused_with_its_place) {
    BOOST_TEST(refused("cache: [a, b]\n").cause() ==
               "cachefill.yml:1:8: 'cache' is a single value, not a list or a mapping");
    BOOST_TEST(refused("hosts: {nas: true}\n").cause() == "cachefill.yml:1:8: 'hosts' is a list, or a single value");
    BOOST_TEST(refused("hosts:\n  - [nas]\n").cause() == "cachefill.yml:2:5: 'hosts' is a list of plain values");
    BOOST_TEST(refused("upstreams: true\n").cause() == "cachefill.yml:1:12: 'upstreams' has keys below it");
    BOOST_TEST(refused("hosts: []\n").cause() ==
               "cachefill.yml:1:8: 'hosts' is an empty list; leave the key out instead");
    BOOST_TEST(refused("cache:\n").cause().find("'cache'") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_impossible_value_is_refused_with_its_place) {
    BOOST_TEST(refused("cache: team\nuploads: 0\n").cause() ==
               "cachefill.yml:2:10: uploads: '0' is not usable here; expected a number from 1 to 256");
    BOOST_TEST(refused("read-only: perhaps\n").cause() ==
               "cachefill.yml:1:12: read-only: 'perhaps' is not usable here; expected true or false");
}

BOOST_AUTO_TEST_CASE(a_key_that_stands_twice_is_refused) {
    BOOST_TEST(refused("cache: a\nuploads: 3\ncache: b\n").cause() == "cachefill.yml:3:1: 'cache' stands here twice");
    BOOST_TEST(refused("pins: {keep: 1}\npins: {keep: 2}\n").cause() == "cachefill.yml:2:1: 'pins' stands here twice");
}

BOOST_AUTO_TEST_CASE(malformed_yaml_is_refused_with_its_place) {
    for (const auto* yaml : {"cache: [a\n", "a: b: c\n", "hosts:\n\t- a\n", "{{{{", "cache: *nowhere\n"}) {
        auto cause = refused(yaml).cause();
        BOOST_TEST(cause.starts_with("cachefill.yml:"), cause);
        BOOST_TEST(cause.find(": ", std::string("cachefill.yml:").size()) != std::string::npos);
    }
    BOOST_TEST(refused("- a\n- b\n").cause().find("must be a mapping") != std::string::npos);
    BOOST_TEST(refused("just words\n").cause().find("must be a mapping") != std::string::npos);
    BOOST_TEST(refused("? [a, b]\n: c\n").cause().find("a key must be a plain word") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_deferred_may_be_told_by_system_or_for_all) {
    auto by_system =
        accepted("defer: {aarch64-darwin: [\"firefox-unwrapped-*\", \"llvm-*\"], x86_64-linux: chromium-*}\n").defer;
    BOOST_REQUIRE(by_system.size() == 3U);
    BOOST_TEST(by_system[0].system == "aarch64-darwin");
    BOOST_TEST(by_system[0].pattern == "firefox-unwrapped-*");
    BOOST_TEST(by_system[1].pattern == "llvm-*");
    BOOST_TEST(by_system[2].system == "x86_64-linux");
    auto for_all = accepted("defer: [\"firefox-unwrapped-*\"]\n").defer;
    BOOST_REQUIRE(for_all.size() == 1U);
    BOOST_TEST(for_all[0].system == "");
    BOOST_TEST(refused("defer: {aarch64-darwin: {a: b}}\n").one_line().find("cachefill.yml:1:25") != std::string::npos);
    BOOST_TEST(refused("defer: {firefox: [\"firefox-*\"]}\n").one_line().find("SYSTEM:GLOB") != std::string::npos);
    BOOST_TEST(refused("hosts: {nixos: [a]}\n").one_line().find("is a list") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_login_where_none_is_expected_is_not_repeated) {
    for (const auto* yaml : {"\"https://kim:s3cret@host/\": 1\n", "hosts: \"https://kim:s3cret@host/\"\n",
                             "also: [\"https://kim:s3cret@host/\"]\n", "deadline: \"https://kim:s3cret@host/\"\n",
                             "cache: {reed: \"https://kim:s3cret@host/\", push: /x}\n"}) {
        auto failure = refused(yaml);
        BOOST_TEST(failure.one_line().find("s3cret") == std::string::npos, failure.one_line());
    }
}

BOOST_AUTO_TEST_CASE(aliases_that_make_much_of_little_are_refused) {
    std::string text = "hosts: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 10; ++i) {
        auto before = "*a" + std::to_string(i - 1);
        text += "k" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
        for (int k = 1; k < 10; ++k) text += ", " + before;
        text += "]\n";
    }
    BOOST_TEST(refused(text).cause().find("too much to read") != std::string::npos);
    BOOST_TEST(refused("hosts: &a [*a]\n").cause().find("too much to read") != std::string::npos);
    BOOST_CHECK_THROW(load_yaml("a: &a {b: *a}"), YAML::Exception);
    BOOST_TEST(load_yaml("a: [b, c]")["a"].size() == 2U);
    auto settings = accepted("hosts: &a [nas]\nevaluate-only: *a\n");
    BOOST_TEST(settings.evaluate_only == std::vector<std::string>{"nas"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
