#include "fill/push_targets.hpp"
#include "options/settings.hpp"
#include "support/machine.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using options::PushCache;

namespace {

PushCache configured(const std::string& name, const std::string& uri) {
    PushCache cache;
    cache.name = name;
    cache.uri = GivenUrl(uri);
    return cache;
}

options::Settings settings_with(std::vector<PushCache> caches, const std::string& given = {}) {
    options::Settings settings;
    settings.push_caches = std::move(caches);
    settings.cache = GivenUrl(given);
    return settings;
}

const auto home = configured("home", "https://cache.home.example/");
const auto team = configured("team", "team-cache");

std::string failure_of(const Result<PushCache>& result) {
    return result ? "none" : result.error().one_line() + " | " + result.error().hint();
}

constexpr auto owner_alone = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;

} // namespace

BOOST_AUTO_TEST_SUITE(push_targets)

BOOST_AUTO_TEST_CASE(a_plain_push_goes_to_the_one_that_is_meant) {
    BOOST_TEST(fill::cache_to_push_to(settings_with({home}))->name == "home");
    BOOST_TEST(fill::cache_to_push_to(settings_with({home, team}, "team"))->uri.reveal() == "team-cache");
    auto other = fill::cache_to_push_to(settings_with({home, team}, "file:///srv/cache"));
    BOOST_REQUIRE(other.has_value());
    BOOST_TEST(other->name == "file:///srv/cache");
    BOOST_TEST(other->uri.reveal() == "file:///srv/cache");
}

BOOST_AUTO_TEST_CASE(where_it_is_not_clear_which_is_meant_nothing_is_pushed) {
    BOOST_TEST(failure_of(fill::cache_to_push_to(settings_with({}))) ==
               "no cache was named | give --cache NAME, or push.caches in the configuration");
    BOOST_TEST(failure_of(fill::cache_to_push_to(settings_with({home, team}))) ==
               "several caches are configured: home, team | choose one with --cache NAME");
    auto nonsense = fill::cache_to_push_to(settings_with({home}, "ftp://x"));
    BOOST_REQUIRE(!nonsense.has_value());
    BOOST_TEST((nonsense.error().kind() == FailureKind::usage));
}

BOOST_AUTO_TEST_CASE(the_service_fills_all_that_are_configured_or_the_one_that_was_given) {
    BOOST_TEST(fill::caches_to_watch_for(settings_with({home, team}))->size() == 2U);
    auto given = fill::caches_to_watch_for(settings_with({home, team}, "team"));
    BOOST_REQUIRE(given->size() == 1U);
    BOOST_TEST(given->at(0).name == "team");
    BOOST_TEST((fill::caches_to_watch_for(settings_with({})).error().kind() == FailureKind::usage));
}

BOOST_AUTO_TEST_CASE(the_others_are_told_by_every_name_under_which_nix_may_know_them) {
    auto broken = configured("broken", "ftp://x");
    BOOST_TEST((fill::other_urls({home, team, broken}, home) ==
                std::set<std::string>{"cachix://team-cache", "https://team-cache.cachix.org"}));
    BOOST_TEST((fill::other_urls({home, team}, team) == std::set<std::string>{"https://cache.home.example"}));
    BOOST_TEST(fill::other_urls({home}, home).empty());
}

BOOST_FIXTURE_TEST_CASE(a_token_of_its_own_wins_over_that_of_the_environment, Machine) {
    environment.set("CACHIX_AUTH_TOKEN", "of-the-environment");
    auto cache = team;
    BOOST_TEST(fill::credentials_for(cache, environment)->token->reveal() == "of-the-environment");
    write("token", " its-own\n");
    std::filesystem::permissions(path("token"), owner_alone);
    cache.token_file = path("token");
    BOOST_TEST(fill::credentials_for(cache, environment)->token->reveal() == "its-own");
    BOOST_TEST(fill::credentials_for(cache, environment)->token_source ==
               "the file " + path("token").string() + " (token-file of " + cache.name + ")");
    write("token", "renewed");
    std::filesystem::permissions(path("token"), owner_alone);
    BOOST_TEST(fill::credentials_for(cache, environment)->token->reveal() == "renewed"); // read again

    auto plain = home;
    plain.token_file = path("token");
    environment.set("CACHEFILL_BEARER_TOKEN", "for-others");
    auto credentials = fill::credentials_for(plain, environment);
    BOOST_REQUIRE(credentials.has_value());
    BOOST_REQUIRE(credentials->bearer.has_value());
    BOOST_TEST(credentials->bearer->reveal() == "renewed");
}

BOOST_FIXTURE_TEST_CASE(a_token_file_that_cannot_be_used_is_named_and_its_content_is_not, Machine) {
    auto cache = team;
    cache.token_file = path("token");
    auto absent = fill::credentials_for(cache, environment);
    BOOST_REQUIRE(!absent.has_value());
    BOOST_TEST((absent.error().kind() == FailureKind::auth));
    BOOST_TEST(absent.error().one_line().find(path("token").string()) != std::string::npos);
    write("token", " \n");
    std::filesystem::permissions(path("token"), owner_alone);
    auto empty = fill::credentials_for(cache, environment);
    BOOST_REQUIRE(!empty.has_value());
    BOOST_TEST(empty.error().cause() == "the file is empty");
    write("token", std::string(70000, 's'));
    std::filesystem::permissions(path("token"), owner_alone);
    auto large = fill::credentials_for(cache, environment); // no token, whatever it is
    BOOST_REQUIRE(!large.has_value());
    BOOST_TEST(large.error().one_line().find("sss") == std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_key_of_its_own_wins_and_a_broken_one_is_not_shown, Machine) {
    auto own = nix::SecretKey::generate("own-1"), general = nix::SecretKey::generate("general-1");
    environment.set("CACHEFILL_SIGNING_KEY", std::string(general.to_secret_text().reveal()));
    environment.set("CACHIX_SIGNING_KEY", std::string(general.to_secret_text().reveal()));
    auto cache = home;
    BOOST_TEST(fill::credentials_for(cache, environment)->signing_key->name() == "general-1");
    write("key", std::string(own.to_secret_text().reveal()) + "\n");
    cache.signing_key_file = path("key");
    BOOST_TEST(fill::credentials_for(cache, environment)->signing_key->name() == "own-1");
    write("key", "own-1:no-key-at-all");
    auto broken = fill::credentials_for(cache, environment);
    BOOST_REQUIRE(!broken.has_value());
    BOOST_TEST(broken.error().one_line().find("reading the credentials of home") != std::string::npos);
    BOOST_TEST(broken.error().one_line().find("no-key-at-all") == std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_directory_is_opened_for_writing_and_only_then_made, Machine) {
    auto cache = configured("disk", "file://" + path("filled").string());
    auto body = [&](session::Session& session) -> async::Task<void> {
        async::RetryPolicy retry;
        auto reading = co_await fill::open_target(session, cache, false, retry);
        BOOST_TEST(!std::filesystem::exists(path("filled")));
        auto opened = co_await fill::open_target(session, cache, true, retry);
        BOOST_REQUIRE(opened.has_value());
        BOOST_TEST((opened->info.permission == cache::Permission::write));
        BOOST_TEST(std::filesystem::exists(path("filled/nix-cache-info")));
        auto bad = configured("bad", "ftp://x");
        auto refused = co_await fill::open_target(session, bad, true, retry);
        BOOST_REQUIRE(!refused.has_value());
        BOOST_TEST((refused.error().kind() == FailureKind::usage));
    };
    run(body);
}

BOOST_AUTO_TEST_SUITE_END()
