#include "../plan/world.hpp"
#include "../presence/faulty_cache.hpp"
#include "fill/uncounted.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>

using namespace cachefill;
using namespace cachefill::test;
using fill::Uncounted;

namespace {

// app needs lib and dev. The given upstream has these two; the host box names other caches, the host friend names it
// and its key.
struct Scene {
    HandClock clock;
    World world;
    event::NullSink sink;
    nix::SecretKey signer = nix::SecretKey::generate("up-1");
    FaultyCache* up = nullptr;
    std::unique_ptr<presence::Judge> judge;
    std::optional<presence::Upstreams> upstreams;
    std::optional<fill::LivePlan> live;
    std::optional<Uncounted> uncounted;

    void run(std::function<async::Task<void>(async::Executor)> body) {
        run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
            start(executor);
            co_await body(executor);
            uncounted.reset();
            live.reset();
            judge.reset(); // while their loop is there
        });
    }
    void start(async::Executor executor) {
        world.derivation("lib").derivation("dev").derivation("app", {"lib", "dev"}).target("app");
        judge =
            std::make_unique<presence::Judge>(executor, clock, world.graph, world.facts, sink, presence::Patience());
        judge->add_own(
            {.backend = std::make_unique<FaultyCache>(executor, clock, "own.example"), .info = {}, .keys = {}});
        presence::UpstreamRules rules;
        rules.given = {GivenUrl("https://up.example")};
        rules.trusted_public_keys = {signer.public_key().to_string()}; // known, which is not trusted by hosts
        auto maker = [this, executor](const cache::CacheUri& uri) { return make(executor, uri.name); };
        auto made = presence::Upstreams::make(*judge, rules, maker, sink);
        BOOST_TEST_REQUIRE(made.has_value());
        upstreams.emplace(std::move(*made));
        live.emplace(executor, world.graph, world.facts);
        uncounted.emplace(world.graph, world.facts, *judge, *upstreams, *live);
    }
    std::unique_ptr<cache::BinaryCache> make(async::Executor executor, const std::string& url) {
        auto cache = std::make_unique<FaultyCache>(executor, clock, url.substr(url.find("//") + 2));
        if (url != "https://up.example") return cache;
        for (const auto* name : {"lib", "dev"}) {
            cache->serve(store_path(name));
            auto& info = cache->visible.at(store_path(name)).info;
            info.signatures = {signer.sign(info.fingerprint()).value()};
        }
        up = cache.get();
        return cache;
    }
    void add_box() { add("nixos:box", "substituters = https://elsewhere.example"); }
    void add_friend() {
        add("nixos:friend",
            "substituters = https://up.example\ntrusted-public-keys = " + signer.public_key().to_string());
    }
    void add(const std::string& name, const std::string& conf) {
        nix::CacheSettings says;
        says.read(conf);
        live->add(world.targets.front(), upstreams->add_host(name, says));
    }
    // As a run plans: until nothing is open that hangs on it.
    async::Task<void> plan() {
        for (int round = 0; round < 9; ++round) {
            live->trust([this](std::size_t host) { return upstreams->counting(host); });
            live->count();
            live->make(world.policy);
            auto questions = live->now().questions;
            auto also = uncounted->questions();
            questions.remote.insert(questions.remote.end(), also.remote.begin(), also.remote.end());
            if (questions.empty()) co_return;
            for (auto local : questions.local) world.facts.of(local).valid_here = false;
            questions.local.clear();
            auto answered = co_await judge->answer(std::move(questions), nullptr);
            BOOST_TEST_REQUIRE(answered.has_value());
        }
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(what_does_not_count, Scene)

BOOST_AUTO_TEST_CASE(what_is_about_to_be_built_although_somebody_has_it_is_told_once) {
    run([&](async::Executor) -> async::Task<void> {
        add_box();
        co_await plan();
        auto news = uncounted->find();
        BOOST_TEST_REQUIRE(news.size() == 1U);
        BOOST_TEST((news[0].severity == event::Severity::warning));
        BOOST_TEST_CONTEXT(news[0].text + " / " + news[0].hint) {
            BOOST_TEST(news[0].text.find("https://up.example") != std::string::npos);
            BOOST_TEST(news[0].text.find("nixos:box") != std::string::npos);
            BOOST_TEST(news[0].hint.find(signer.public_key().to_string()) != std::string::npos);
            BOOST_TEST(news[0].hint.find(report::UncountedUpstream::option) != std::string::npos);
        }
        BOOST_TEST(uncounted->find().empty());
        BOOST_TEST_REQUIRE(uncounted->found().size() == 1U);
        BOOST_TEST(uncounted->found()[0].paths == 2U);
        BOOST_TEST(uncounted->found()[0].of == 3U);
        BOOST_TEST(uncounted->explain(world.path("lib")).find("does not trust it") != std::string::npos);
        BOOST_TEST(uncounted->explain(world.path("app")).empty());
    });
}

BOOST_AUTO_TEST_CASE(another_host_is_news) {
    run([&](async::Executor) -> async::Task<void> {
        add_box();
        co_await plan();
        BOOST_TEST(uncounted->find().size() == 1U);
        add("home:kim", "substituters = https://elsewhere.example");
        co_await plan();
        BOOST_TEST(uncounted->find().size() == 1U);
        BOOST_TEST(uncounted->found()[0].hosts.size() == 2U);
    });
}

BOOST_AUTO_TEST_CASE(only_hosts_that_do_not_trust_it_are_named) {
    run([&](async::Executor) -> async::Task<void> {
        add_box();
        add_friend();
        co_await plan();
        BOOST_TEST(uncounted->find().size() == 1U);
        BOOST_TEST(uncounted->found()[0].hosts == std::vector<std::string>{"nixos:box"});
    });
}

BOOST_AUTO_TEST_CASE(a_host_that_trusts_it_is_none_of_them) {
    run([&](async::Executor) -> async::Task<void> {
        add_friend();
        co_await plan();
        BOOST_TEST(uncounted->find().empty());
        BOOST_TEST(uncounted->explain(world.path("lib")).empty());
    });
}

BOOST_AUTO_TEST_CASE(what_was_found_stays_so_when_it_has_been_built) {
    run([&](async::Executor) -> async::Task<void> {
        add_box();
        co_await plan();
        static_cast<void>(uncounted->find());
        judge->note_published(store_path("lib"));
        co_await plan();
        BOOST_TEST(uncounted->find().empty());
        BOOST_TEST(uncounted->found()[0].paths == 2U);
        for (const auto* name : {"dev", "app"}) judge->note_published(store_path(name));
        co_await plan();
        BOOST_TEST(live->now().builds.empty());
        BOOST_TEST(uncounted->find().empty());
        BOOST_TEST(uncounted->found()[0].paths == 2U);
    });
}

BOOST_AUTO_TEST_CASE(an_upstream_that_is_out_is_not_asked) {
    run([&](async::Executor) -> async::Task<void> {
        add_box();
        up->fault = Fault::forbidden;
        co_await plan();
        BOOST_TEST(uncounted->find().empty());
        world.derivation("late").target("late");
        live->add(world.targets.back(), live->hosts().front());
        world.facts_of("late").asked = judge->all() & ~judge->views().all_of(1);
        world.facts_of("late").valid_here = false;
        live->trust([this](std::size_t host) { return upstreams->counting(host); });
        live->count();
        live->make(world.policy);
        BOOST_TEST_REQUIRE(live->now().builds.size() == 4U);
        BOOST_TEST(uncounted->questions().empty());
    });
}

BOOST_AUTO_TEST_SUITE_END()
