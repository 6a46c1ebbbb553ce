#include "../plan/world.hpp"
#include "cache/cache_uri.hpp"
#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "presence/upstreams.hpp"
#include "support/faulty_cache.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace cachefill::presence;
using nix::SecretKey;

namespace {

using List = std::vector<std::string>;

struct Messages final : event::Sink {
    void on_event(const event::Event& event) override {
        if (const auto* message = std::get_if<event::Message>(&event)) texts += message->text + "\n";
    }
    std::string texts;
};

// An upstream https://up.example with the path "dep", signed by the key up-1; whoever trusts that key believes it.
struct Fleet {
    HandClock clock;
    World world;
    plan::Facts facts;
    Messages sink;
    std::unique_ptr<Judge> judge;
    std::optional<Upstreams> upstreams;
    SecretKey up = SecretKey::generate("up-1"), own = SecretKey::generate("own-1"),
              other = SecretKey::generate("other-1");
    UpstreamRules rules;

    Fleet() {
        rules.own_substituter = "https://own.example";
        rules.own_keys = {own.public_key()};
    }
    static std::string text(const SecretKey& key) { return key.public_key().to_string(); }

    std::unique_ptr<FaultyCache> cache_of(async::Executor executor, const std::string& host, const SecretKey& signer,
                                          const std::string& name) {
        auto cache = std::make_unique<FaultyCache>(executor, clock, host);
        cache->serve(store_path(name));
        auto& info = cache->visible.at(store_path(name)).info;
        info.signatures = {signer.sign(info.fingerprint()).value()};
        return cache;
    }
    void make(async::Executor executor) {
        judge = std::make_unique<Judge>(executor, clock, world.graph, facts, sink, Patience());
        judge->add_own({.backend = cache_of(executor, "own.example", own, "top"), .info = {}, .keys = rules.own_keys});
        auto maker = [this, executor](const cache::CacheUri& uri) -> std::unique_ptr<cache::BinaryCache> {
            return cache_of(executor, uri.name.substr(uri.name.find("//") + 2), up, "dep");
        };
        auto made = Upstreams::make(*judge, rules, maker, sink);
        BOOST_TEST_REQUIRE(made.has_value());
        upstreams.emplace(std::move(*made));
    }
    std::size_t host(std::string_view conf, nix::SettingsWords words = nix::SettingsWords::settings) {
        nix::CacheSettings says;
        says.words = words;
        says.read(conf);
        return upstreams->add_host("nixos:box", says);
    }
    std::size_t bare() { return upstreams->add_host("nixos:bare", {}); }
    // Once all is known that may count: is dep there for this host?
    async::Task<bool> has(std::size_t number, std::string name = "dep") {
        std::vector<plan::PathId> asked{world.path(name)};
        Judge::Counting counting = [this, number] { return upstreams->counting(number); };
        co_await judge->ask_whole(std::move(asked), std::move(counting));
        co_return (facts.of(world.path(name)).present & upstreams->counting(number)) != 0;
    }
    void run(std::function<async::Task<void>()> body) {
        run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
            make(executor);
            co_await body();
            upstreams.reset();
            judge.reset(); // while its loop is there
        });
    }
};

} // namespace

BOOST_TEST_SPECIALIZED_COLLECTION_COMPARE(List)

BOOST_FIXTURE_TEST_SUITE(upstreams, Fleet)

BOOST_AUTO_TEST_CASE(a_host_counts_what_it_asks_and_believes) {
    run([this]() -> async::Task<void> {
        auto key = "trusted-public-keys = " + text(up) + "\n";
        auto whole = host("substituters = https://up.example\n" + key);
        auto priority = host("substituters = https://up.example?priority=3\n" + key);
        auto no_key = host("substituters = https://up.example\ntrusted-public-keys = " + text(other));
        auto elsewhere = host("substituters = https://other.example\n" + key);
        auto nowhere = host("substituters =\n" + key);
        auto broken = host("substituters = https://up.example\ntrusted-public-keys = bad:AAAA " + text(up));
        auto unchecked = host("substituters = https://up.example\nrequire-sigs = false\ntrusted-public-keys =");
        auto trusting = host("substituters = https://up.example?trusted=1\ntrusted-public-keys =");
        auto fetching_nothing = host("substituters = https://up.example\nsubstitute = false\n" + key);
        bool is_there = co_await has(whole);
        BOOST_TEST(is_there);
        for (auto number : {priority, unchecked, trusting}) {
            is_there = co_await has(number);
            BOOST_TEST(is_there, number);
        }
        for (auto number : {no_key, nowhere, broken, fetching_nothing}) {
            is_there = co_await has(number);
            BOOST_TEST(!is_there, number);
        }
        is_there = co_await has(elsewhere); // it has it, too
        BOOST_TEST(is_there);
    });
}

BOOST_AUTO_TEST_CASE(what_a_host_does_not_say_counts_as_on_its_machine_with_the_given_ones) {
    rules.given = {GivenUrl("https://given.example")};
    rules.trusted_public_keys = {text(up)};
    rules.machine.substituters = {"https://machine.example"};
    run([this]() -> async::Task<void> {
        for (auto number : {bare(), host(""), host("extra-substituters = https://more.example"),
                            host("cores = 3", nix::SettingsWords::home_settings)}) {
            bool is_there = co_await has(number);
            BOOST_TEST(is_there, number);
        }
        auto own_list = host("substituters = https://unknown.example"), own_keys = host("trusted-public-keys =");
        for (auto number : {own_list, own_keys}) {
            bool is_there = co_await has(number);
            BOOST_TEST(!is_there, number);
        }
        for (const char* url : {"https://given.example", "https://machine.example", "https://more.example"}) {
            bool is_known = false;
            for (std::size_t number = 0; number < judge->size(); ++number) is_known |= judge->url(number) == url;
            BOOST_TEST(is_known, url);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_given_upstream_that_a_host_does_not_trust_is_told_with_what_would_help) {
    rules.given = {GivenUrl("https://up.example")};
    rules.trusted_public_keys = {text(up)};
    run([this]() -> async::Task<void> {
        auto without = host("substituters = https://own.example\ntrusted-public-keys = " + text(own));
        auto no_key = host("substituters = https://up.example\ntrusted-public-keys = " + text(own));
        auto same_name = host("substituters = https://up.example\ntrusted-public-keys = " +
                              SecretKey::generate("up-1").public_key().to_string());
        auto free = bare();
        bool is_there = co_await has(free);
        BOOST_TEST(is_there);
        auto uncounted = upstreams->uncounted();
        BOOST_TEST_REQUIRE(uncounted.size() == 1U);
        BOOST_TEST(uncounted[0].cache == 1U);
        BOOST_TEST((facts.of(world.path("dep")).present & uncounted[0].counting) != 0U);
        BOOST_TEST((uncounted[0].hosts == std::vector{without, no_key, same_name}));
        auto key_line = "nix.settings.trusted-public-keys = [ \"" + text(up) + "\" ];";
        BOOST_TEST(upstreams->advice_for(1, without) ==
                   (List{"nix.settings.substituters = [ \"https://up.example\" ];", key_line}));
        BOOST_TEST(upstreams->advice_for(1, no_key) == (List{key_line}));
        BOOST_TEST_REQUIRE(upstreams->advice_for(1, same_name).size() == 2U);
        BOOST_TEST(upstreams->advice_for(1, same_name)[0].starts_with("# another key named up-1"));
    });
}

BOOST_AUTO_TEST_CASE(by_an_option_the_given_ones_count_for_all) {
    rules.given = {GivenUrl("https://up.example")};
    rules.trusted_public_keys = {text(up)};
    rules.count_given = true;
    run([this]() -> async::Task<void> {
        bool is_there = co_await has(host("substituters =\ntrusted-public-keys ="));
        BOOST_TEST(is_there);
        BOOST_TEST(upstreams->uncounted().empty());
    });
}

BOOST_AUTO_TEST_CASE(without_the_hosts_lists_the_given_ones_and_the_machines_count) {
    rules.given = {GivenUrl("https://up.example")};
    rules.trusted_public_keys = {text(up)};
    rules.from_hosts = false;
    run([this]() -> async::Task<void> {
        bool is_there = co_await has(host("substituters = https://never.example\ntrusted-public-keys ="));
        BOOST_TEST(is_there);
        BOOST_TEST(judge->size() == 2U);
    });
}

BOOST_AUTO_TEST_CASE(the_own_cache_is_trusted_by_whoever_asks_it_and_believes_its_key) {
    rules.given = {GivenUrl("https://up.example")};
    rules.trusted_public_keys = {text(up)};
    run([this]() -> async::Task<void> {
        auto key = "trusted-public-keys = " + text(own);
        auto trusting = host("substituters = https://own.example/\n" + key);
        auto unasked = host("substituters = https://up.example\n" + key);
        auto disbelieving = host("substituters = https://own.example\ntrusted-public-keys = " + text(up));
        auto silent = bare();
        BOOST_TEST(upstreams->trusts_own_cache(trusting));
        BOOST_TEST(upstreams->trusts_own_cache(silent));
        BOOST_TEST(!upstreams->trusts_own_cache(unasked));
        BOOST_TEST(!upstreams->trusts_own_cache(disbelieving));
        // In which the key of an upstream has no place.
        for (auto number : {unasked, disbelieving})
            for (const auto& line : upstreams->advice_for_own_cache(number))
                BOOST_TEST(line.find("up-1") == std::string::npos, line);
        BOOST_TEST(upstreams->advice_for_own_cache(unasked) ==
                   (List{"nix.settings.substituters = [ \"https://own.example\" ];"}));
        bool is_there = co_await has(trusting, "top");
        BOOST_TEST(is_there);
        std::vector<plan::PathId> top{world.path("top")};
        BOOST_TEST(upstreams->believes_own_cache(trusting, top, facts));
        BOOST_TEST(!upstreams->believes_own_cache(disbelieving, top, facts));
        BOOST_TEST(upstreams->believes_own_cache(silent, top, facts));
    });
}

BOOST_AUTO_TEST_CASE(a_cache_that_does_not_tell_its_key_is_advised_with_the_key_that_signs_there) {
    rules.own_keys = {};
    rules.given = {GivenUrl("https://up.example")};
    rules.trusted_public_keys = {text(up), text(own)};
    run([this]() -> async::Task<void> {
        auto number = host("substituters =\ntrusted-public-keys =");
        bool is_there = co_await has(number, "top");
        BOOST_TEST(is_there);
        BOOST_TEST(upstreams->advice_for_own_cache(number) ==
                   (List{"nix.settings.substituters = [ \"https://own.example\" ];",
                         "nix.settings.trusted-public-keys = [ \"" + text(own) + "\" ];"}));
    });
}

BOOST_AUTO_TEST_CASE(what_is_ignored_by_its_host_is_so_with_a_login_and_a_port) {
    for (const auto* url :
         {"https://nas.example", "https://nas.example:8443/x", "http://kim:a@b@nas.example/x?priority=1"})
        BOOST_TEST(is_ignored({"nas.example"}, url), url);
    BOOST_TEST(!is_ignored({"kim"}, "http://kim:pw@nas.example/x"));
    BOOST_TEST(!is_ignored({"nas.example"}, "https://other.example/@nas.example"));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_asked_is_named_and_what_is_ignored_is_said_once) {
    rules.ignore = {"*.ts.net"};
    run([this]() -> async::Task<void> {
        auto number = host("substituters = s3://bucket?region=x ssh://kim:pw@host bare-word https://a.ts.net");
        BOOST_TEST(upstreams->not_asked(number).size() == 3U);
        BOOST_TEST(upstreams->not_asked(number)[0] == "s3://bucket?region=…");
        BOOST_TEST(upstreams->not_asked(number)[1].find("pw") == std::string::npos);
        host("substituters = https://a.ts.net");
        BOOST_TEST(sink.texts == "not asking https://a.ts.net: upstreams.ignore\n");
        BOOST_TEST(judge->size() == 1U);
        co_return;
    });
}

BOOST_AUTO_TEST_CASE(this_machine_fetches_from_what_it_asks_and_believes_and_a_daemon_that_obeys_from_all) {
    rules.machine.substituters = {"https://up.example", "https://own.example"};
    rules.machine.trusted_public_keys = {text(own)};
    run([this]() -> async::Task<void> {
        auto number = host("substituters = https://up.example\ntrusted-public-keys = " + text(up));
        bool is_there = co_await has(number);
        BOOST_TEST(is_there);
        is_there = co_await has(number, "top");
        BOOST_TEST(is_there);
        auto here = upstreams->fetchable_here();
        BOOST_TEST((facts.of(world.path("dep")).present & here) == 0U);
        BOOST_TEST((facts.of(world.path("top")).present & here) != 0U);
        auto told = upstreams->fetch_overrides(plan::all_caches, {up.public_key()});
        BOOST_TEST(told["substituters"] == "https://up.example https://own.example"); // as written
        BOOST_TEST(!told.contains("trusted-public-keys"));
        told = upstreams->fetch_overrides(plan::bit(plan::own_cache), {});
        BOOST_TEST(told["substituters"] == "https://own.example");
    });
    rules.machine_obeys = rules.machine_may_obey = true;
    rules.machine.trusted_public_keys = {"bad:AAAA", text(other)};
    facts = {};
    run([this]() -> async::Task<void> {
        auto number = host("substituters = https://up.example\ntrusted-public-keys = " + text(up));
        bool is_there = co_await has(number);
        BOOST_TEST(is_there);
        BOOST_TEST((facts.of(world.path("dep")).present & upstreams->fetchable_here()) != 0U);
        // What was seen to sign comes first.
        auto told = upstreams->fetch_overrides(plan::all_caches, {other.public_key(), up.public_key()});
        BOOST_TEST(told["trusted-public-keys"] == text(up) + " " + text(other));
        BOOST_TEST(told["substituters"].find("https://up.example") != std::string::npos);
        told = upstreams->fetch_overrides(plan::bit(plan::own_cache), {});
        BOOST_TEST(told["trusted-public-keys"].empty());
        BOOST_TEST(told["substituters"].find("https://up.example") == std::string::npos);
    });
}

BOOST_AUTO_TEST_CASE(whose_keys_a_host_would_believe) {
    rules.given = {GivenUrl("https://given.example")};
    rules.trusted_public_keys = {text(other)};
    run([this]() -> async::Task<void> {
        auto strict = host("substituters = https://up.example\ntrusted-public-keys = " + text(up));
        auto careless = host("substituters = https://up.example\nrequire-sigs = false\ntrusted-public-keys =");
        auto silent = bare();
        BOOST_TEST(upstreams->trusts(strict, up.public_key()));
        BOOST_TEST(upstreams->trusts(strict, own.public_key())); // always
        BOOST_TEST(!upstreams->trusts(strict, other.public_key()));
        BOOST_TEST(upstreams->trusts(careless, other.public_key()));
        BOOST_TEST(upstreams->trusts(silent, other.public_key())); // as on its machine, with the given ones
        BOOST_TEST(!upstreams->trusts(silent, up.public_key()));
        co_return;
    });
}

BOOST_AUTO_TEST_CASE(what_is_no_cache_or_no_key_is_a_usage_failure) {
    run([this]() -> async::Task<void> {
        auto maker = [](const cache::CacheUri&) { return std::unique_ptr<cache::BinaryCache>(); };
        UpstreamRules bad;
        bad.given = {GivenUrl("ssh://x")};
        auto made = Upstreams::make(*judge, bad, maker, sink);
        BOOST_TEST_REQUIRE(!made.has_value());
        BOOST_TEST((made.error().kind() == FailureKind::usage));
        bad.given.clear();
        bad.trusted_public_keys = {"no key"};
        made = Upstreams::make(*judge, bad, maker, sink);
        BOOST_TEST_REQUIRE(!made.has_value());
        BOOST_TEST((made.error().kind() == FailureKind::usage));
        co_return;
    });
}

BOOST_AUTO_TEST_SUITE_END()
