#include "../plan/world.hpp"
#include "cache/manifest_store.hpp"
#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "fill/since_last.hpp"
#include "support/faulty_cache.hpp"
#include "support/store_connection.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>

using namespace cachefill;
using namespace cachefill::test;
using fill::SinceLast;

namespace {

const nix::StorePath before = store_path("system-1"), after = store_path("system-2");

cache::Manifest manifest_of(const std::string& target, const std::string& output) {
    cache::Manifest manifest;
    manifest.state = cache::ManifestState::finished;
    manifest.branch = "main";
    manifest.system = "x86_64-linux";
    manifest.last_complete[target] = output;
    return manifest;
}

// The system was made of tool-1.0, and is of tool-2.0; both need lib.
struct Fixture {
    HandClock clock;
    World world;
    plan::Facts facts;
    event::NullSink sink;
    StoreConnection::Infos infos;
    StoreConnection store{infos};
    std::unique_ptr<presence::Judge> judge;
    FaultyCache* own = nullptr;
    std::unique_ptr<SinceLast> since;

    void start(async::Executor executor) {
        judge = std::make_unique<presence::Judge>(executor, clock, world.graph, facts, sink, presence::Patience());
        auto cache = std::make_unique<FaultyCache>(executor, clock, "own.example");
        own = cache.get();
        own->address().trusted = true; // its manifests need no signature
        own->serve(before, {store_path("tool-1.0"), store_path("lib")});
        own->serve(after, {store_path("tool-2.0"), store_path("lib")});
        for (const auto* name : {"tool-1.0", "tool-2.0"}) own->serve(store_path(name), {store_path("lib")});
        own->serve(store_path("lib"));
        judge->add_own({.backend = std::move(cache), .info = {}, .keys = {}});
        since = std::make_unique<SinceLast>(*judge, world.graph, facts, clock);
    }
    async::Task<void> leave(cache::Manifest manifest) {
        auto left = co_await cache::publish_manifest(*own, codec::Compression::none, std::move(manifest), 1);
        BOOST_TEST_REQUIRE(left.has_value());
    }
    async::Task<std::optional<report::ClosureDifference>> compare() {
        co_await since->read_manifest("main", "x86_64-linux");
        co_return co_await since->compare("nixos:box", after, plan::every_cache, store);
    }
    void run(std::function<async::Task<void>(async::Executor)> body) {
        run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
            co_await body(executor);
            since.reset();
            judge.reset(); // while its loop is there
        });
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(since_last, Fixture)

BOOST_AUTO_TEST_CASE(what_was_complete_last_is_compared_with_what_is_now) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        co_await leave(manifest_of("nixos:box", before.to_string()));
        auto changes = co_await compare();
        BOOST_TEST_REQUIRE(changes.has_value());
        BOOST_TEST_REQUIRE(changes->changed.size() == 2U);
        BOOST_TEST(changes->changed[0].name == "system");
        BOOST_TEST(changes->changed[1].before.front() == "1.0");
        BOOST_TEST(changes->changed[1].after.front() == "2.0");
    });
}

BOOST_AUTO_TEST_CASE(nothing_is_asked_for_where_nothing_has_changed) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        co_await leave(manifest_of("nixos:box", after.to_string()));
        co_await since->read_manifest("main", "x86_64-linux");
        auto asked = own->questions;
        auto changes = co_await compare();
        BOOST_TEST_REQUIRE(changes.has_value());
        BOOST_TEST(changes->is_nothing());
        BOOST_TEST(own->questions == asked);
    });
}

BOOST_AUTO_TEST_CASE(what_the_run_itself_leaves_does_not_count) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        co_await leave(manifest_of("nixos:box", before.to_string()));
        co_await since->read_manifest("main", "x86_64-linux");
        co_await leave(manifest_of("nixos:box", after.to_string()));
        co_await since->read_manifest("main", "x86_64-linux");
        BOOST_TEST(since->output_of("nixos:box") == before.to_string());
    });
}

BOOST_AUTO_TEST_CASE(without_a_manifest_or_of_another_target_nothing_is_told) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        auto without = co_await compare();
        BOOST_TEST(!without.has_value());
        since = std::make_unique<SinceLast>(*judge, world.graph, facts, clock);
        co_await leave(manifest_of("nixos:nas", before.to_string()));
        auto of_another = co_await compare();
        BOOST_TEST(!of_another.has_value());
        since = std::make_unique<SinceLast>(*judge, world.graph, facts, clock);
        co_await leave(manifest_of("nixos:box", "/nowhere"));
        auto of_nowhere = co_await compare();
        BOOST_TEST(!of_nowhere.has_value());
    });
}

BOOST_AUTO_TEST_CASE(what_is_not_whole_any_more_is_not_told) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        co_await leave(manifest_of("nixos:box", before.to_string()));
        own->visible.erase(store_path("tool-1.0"));
        auto changes = co_await compare();
        BOOST_TEST(!changes.has_value());
    });
}

BOOST_AUTO_TEST_SUITE_END()
