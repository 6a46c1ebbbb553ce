#include "../plan/world.hpp"
#include "async/task_group.hpp"
#include "cache/cache_uri.hpp"
#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "fill/last_look.hpp"
#include "support/faulty_cache.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <memory>
#include <optional>

using namespace cachefill;
using namespace cachefill::test;
using fill::ArchiveLook;
using fill::LastLook;
using namespace std::chrono_literals;

namespace {

// app needs lib; whatever is served is served with its references.
struct Fixture {
    HandClock clock;
    World world;
    plan::Facts facts;
    event::NullSink sink;
    std::unique_ptr<presence::Judge> judge;
    FaultyCache* own = nullptr;
    std::vector<FaultyCache*> others;
    nix::SecretKey signer = nix::SecretKey::generate("up-1"); // of the upstreams
    std::optional<presence::Upstreams> upstreams;
    std::optional<ArchiveLook> archives;
    std::vector<std::string> told;
    std::set<nix::StorePath> published;
    bool is_over = false;
    bool all_trust_upstreams = true;
    std::size_t host = 0;

    Fixture() { world.derivation("lib").derivation("app", {"lib"}).target("app"); }

    void start(async::Executor executor, ArchiveLook::Rules rules = {}) {
        judge = std::make_unique<presence::Judge>(executor, clock, world.graph, facts, sink, presence::Patience());
        auto cache = std::make_unique<FaultyCache>(executor, clock, "own.example");
        own = cache.get();
        judge->add_own({.backend = std::move(cache), .info = {}, .keys = {}});
        presence::UpstreamRules upstream_rules;
        upstream_rules.given = {GivenUrl("https://up0.example"), GivenUrl("https://up1.example")};
        upstream_rules.count_given = all_trust_upstreams;
        upstream_rules.trusted_public_keys = {signer.public_key().to_string()};
        auto maker = [this, executor](const cache::CacheUri&) -> std::unique_ptr<cache::BinaryCache> {
            auto one =
                std::make_unique<FaultyCache>(executor, clock, "up" + std::to_string(others.size()) + ".example");
            others.push_back(one.get());
            return one;
        };
        auto made = presence::Upstreams::make(*judge, upstream_rules, maker, sink);
        BOOST_TEST_REQUIRE(made.has_value());
        upstreams.emplace(std::move(*made));
        host = upstreams->add_host("nixos:box", {});
        archives.emplace(executor, *judge, world.graph, facts, std::move(rules),
                         [this](const event::Message& message) { told.push_back(message.text); });
    }
    void serve(FaultyCache& cache, const std::string& name, const std::vector<std::string>& references = {}) {
        std::vector<nix::StorePath> paths;
        for (const auto& reference : references) paths.push_back(store_path(reference));
        cache.serve(store_path(name), std::move(paths));
        auto& info = cache.visible.at(store_path(name)).info;
        info.signatures = {signer.sign(info.fingerprint()).value()};
    }
    LastLook last_look(async::Executor executor) {
        return LastLook({.executor = executor,
                         .clock = clock,
                         .graph = world.graph,
                         .facts = facts,
                         .judge = *judge,
                         .upstreams = *upstreams,
                         .archives = *archives,
                         .was_published = [this](const nix::StorePath& path) { return published.contains(path); },
                         .is_over = [this] { return is_over; }});
    }
    // What is missing of app, by name.
    async::Task<std::vector<std::string>> missing(async::Executor executor) {
        auto look = last_look(executor);
        std::vector<LastLook::Subject> subjects{{.target = world.targets.front(), .host = host}};
        std::vector<LastLook::Found> found;
        auto looked = co_await look.look(subjects, found);
        BOOST_TEST(looked.has_value());
        std::vector<std::string> names;
        BOOST_TEST_REQUIRE(found.size() == 1);
        for (const auto& path : found.front().missing) names.emplace_back(path.name());
        co_return names;
    }
    void run(std::function<async::Task<void>(async::Executor)> body) {
        run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
            co_await body(executor);
            judge.reset(); // while its loop is there
        });
    }
    std::size_t times_told(std::string_view words) const {
        return static_cast<std::size_t>(std::count_if(
            told.begin(), told.end(), [&](const auto& text) { return text.find(words) != std::string::npos; }));
    }
};

const std::vector<std::string> nothing, only_lib{"lib"}, only_app{"app"};

} // namespace

BOOST_FIXTURE_TEST_SUITE(the_last_look, Fixture)

BOOST_AUTO_TEST_CASE(what_is_served_with_its_archives_is_not_missing) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        serve(*own, "app", {"lib"});
        serve(*others[0], "lib");
        auto names = co_await missing(executor);
        BOOST_TEST(names == nothing);
        BOOST_TEST(told.empty());
    });
}

BOOST_AUTO_TEST_CASE(an_archive_that_is_gone_makes_its_path_missing) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        serve(*own, "app", {"lib"});
        serve(*own, "lib");
        own->lost_archives = {store_path("lib")};
        auto names = co_await missing(executor);
        BOOST_TEST(names == only_lib);
        BOOST_TEST(times_told("nobody can fetch it") == 1U);
    });
}

BOOST_AUTO_TEST_CASE(unless_another_cache_has_it_whole) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        serve(*own, "app", {"lib"});
        serve(*own, "lib");
        own->lost_archives = {store_path("lib")};
        serve(*others[1], "lib");
        auto names = co_await missing(executor);
        BOOST_TEST(names == nothing);
        BOOST_TEST(times_told("nobody can fetch it") == 1U);
    });
}

BOOST_AUTO_TEST_CASE(gone_here_and_there_is_missing) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        serve(*own, "app", {"lib"});
        for (auto* cache : {own, others[0], others[1]}) {
            serve(*cache, "lib");
            cache->lost_archives = {store_path("lib")};
        }
        auto names = co_await missing(executor);
        BOOST_TEST(names == only_lib);
        BOOST_TEST(told.size() == 3U); // each cache with its archive
    });
}

BOOST_AUTO_TEST_CASE(of_what_only_an_upstream_has_the_archives_are_looked_at_there) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        serve(*own, "app", {"lib"});
        serve(*others[0], "lib");
        others[0]->lost_archives = {store_path("lib")};
        auto names = co_await missing(executor);
        BOOST_TEST(names == only_lib);
        BOOST_TEST(times_told("upstream") == 1U);
    });
}

BOOST_AUTO_TEST_CASE(an_upstream_that_has_lost_some_is_looked_at_until_its_last_ones_are_sound) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        std::vector<std::string> names;
        for (int i = 0; i < 1000; ++i) names.push_back("part" + std::to_string(i));
        serve(*own, "app", names);
        for (const auto& name : names) {
            serve(*others[0], name);
            others[0]->lost_archives.insert(store_path(name));
        }
        auto lost = co_await missing(executor);
        BOOST_TEST(lost.size() == 1000U);
    });
}

BOOST_AUTO_TEST_CASE(an_upstream_found_sound_is_looked_at_again_for_what_another_has_lost) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        serve(*others[1], "app", {"lib"});
        for (auto* cache : {others[0], others[1]}) {
            serve(*cache, "lib");
            cache->lost_archives = {store_path("lib")};
        }
        auto names = co_await missing(executor);
        BOOST_TEST(names == only_lib);
        BOOST_TEST(times_told("upstream") == 2U);
    });
}

// That the friend has it from elsewhere is no way for the box.
BOOST_AUTO_TEST_CASE(what_another_host_could_have_elsewhere_is_looked_at_all_the_same) {
    all_trust_upstreams = false;
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        serve(*own, "app", {"lib"});
        for (auto* cache : {others[0], others[1]}) serve(*cache, "lib");
        others[0]->lost_archives = {store_path("lib")};
        auto host_asking = [this](const std::string& name, const std::string& caches) {
            nix::CacheSettings says;
            says.read("substituters = " + caches + "\ntrusted-public-keys = " + signer.public_key().to_string());
            return upstreams->add_host(name, says);
        };
        auto friendly = host_asking("nixos:friend", "https://up1.example");
        host = host_asking("nixos:box", "https://up0.example");
        auto look = last_look(executor);
        std::vector<LastLook::Subject> subjects{{.target = world.targets.front(), .host = friendly},
                                                {.target = world.targets.front(), .host = host}};
        std::vector<LastLook::Found> found;
        auto looked = co_await look.look(subjects, found);
        BOOST_TEST(looked.has_value());
        BOOST_TEST_REQUIRE(found.size() == 2U);
        BOOST_TEST(found[0].missing.empty());
        BOOST_TEST((found[1].missing == std::vector<nix::StorePath>{store_path("lib")}));
    });
}

BOOST_AUTO_TEST_CASE(what_can_be_put_back_is_there) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        serve(*own, "app");
        own->lost_archives = {store_path("app")};
        archives->mend_with([](std::vector<presence::UnusableNar>& unusable) -> async::Task<void> {
            unusable.clear();
            co_return;
        });
        auto names = co_await missing(executor);
        BOOST_TEST(names == nothing);
        BOOST_TEST(told.empty());
    });
}

BOOST_AUTO_TEST_CASE(what_was_published_a_moment_ago_is_waited_for_a_minute) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        published = {store_path("app")};
        auto names = co_await missing(executor);
        BOOST_TEST(names == only_app);
        BOOST_TEST(clock.elapsed() >= 60s);
        BOOST_TEST(clock.elapsed() < 70s);
    });
}

BOOST_AUTO_TEST_CASE(nonsense_in_the_place_of_what_was_published_is_waited_for_some_seconds) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        published = {store_path("app")};
        own->narinfos_are_nonsense = true;
        auto names = co_await missing(executor);
        BOOST_TEST(names == only_app);
        BOOST_TEST(clock.elapsed() >= 6s);
        BOOST_TEST(clock.elapsed() < 10s);
    });
}

BOOST_AUTO_TEST_CASE(a_minute_for_all_hosts_together) {
    world.derivation("other", {"lib"}).target("other");
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        published = {store_path("app"), store_path("other")};
        auto look = last_look(executor);
        std::vector<LastLook::Subject> subjects;
        for (int i = 0; i < 24; ++i)
            subjects.push_back({.target = world.targets[static_cast<std::size_t>(i % 2)], .host = host});
        std::vector<LastLook::Found> found;
        auto looked = co_await look.look(subjects, found);
        BOOST_TEST(looked.has_value());
        BOOST_TEST(found.size() == 24U);
        for (const auto& one : found) BOOST_TEST(one.missing.size() == 1U);
        BOOST_TEST(clock.elapsed() < 70s);
    });
}

BOOST_AUTO_TEST_CASE(and_found_once_it_is_shown) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        published = {store_path("app")};
        auto look = last_look(executor);
        std::vector<LastLook::Subject> subjects{{.target = world.targets.front(), .host = host}};
        std::vector<LastLook::Found> found;
        async::TaskGroup beside(executor);
        beside.spawn([](Fixture& fixture, async::Executor on) -> async::Task<void> {
            async::Nap nap(on);
            co_await fixture.clock.sleep_until(nap, fixture.clock.now() + 9s);
            fixture.serve(*fixture.own, "app");
        }(*this, executor));
        auto looked = co_await look.look(subjects, found);
        co_await beside.join();
        BOOST_TEST(looked.has_value());
        BOOST_TEST_REQUIRE(found.size() == 1U);
        BOOST_TEST(found.front().missing.empty());
        BOOST_TEST(clock.elapsed() <= 12s);
    });
}

BOOST_AUTO_TEST_CASE(whoever_no_longer_waits_is_told_nothing) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        is_over = true;
        auto look = last_look(executor);
        std::vector<LastLook::Subject> subjects{{.target = world.targets.front(), .host = host}};
        std::vector<LastLook::Found> found;
        auto looked = co_await look.look(subjects, found);
        BOOST_TEST(looked.has_value());
        BOOST_TEST(found.empty());
        BOOST_TEST(own->questions == 0U);
    });
}

BOOST_AUTO_TEST_SUITE_END()
