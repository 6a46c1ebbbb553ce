#include "../plan/world.hpp"
#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "presence/closure_reader.hpp"
#include "support/faulty_cache.hpp"
#include "support/store_connection.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <set>

using namespace cachefill;
using namespace cachefill::test;
using presence::ClosureReader;

namespace {

using Found = std::multiset<std::string>;

// system needs etc and app; app needs lib. The own cache has what is the host's alone, an upstream the rest.
struct Fixture {
    HandClock clock;
    World world;
    plan::Facts facts;
    event::NullSink sink;
    StoreConnection::Infos infos;
    StoreConnection store{infos};
    std::unique_ptr<presence::Judge> judge;
    FaultyCache* own = nullptr;
    FaultyCache* upstream = nullptr;
    std::unique_ptr<ClosureReader> reader;

    void start(async::Executor executor, std::size_t most_questions = 100) {
        judge = std::make_unique<presence::Judge>(executor, clock, world.graph, facts, sink, presence::Patience());
        auto first = std::make_unique<FaultyCache>(executor, clock, "own.example");
        auto second = std::make_unique<FaultyCache>(executor, clock, "up.example");
        own = first.get();
        upstream = second.get();
        judge->add_own({.backend = std::move(first), .info = {}, .keys = {}});
        judge->add_upstream(std::move(second));
        own->serve(store_path("system"), {store_path("etc"), store_path("app"), store_path("system")});
        own->serve(store_path("etc"));
        upstream->serve(store_path("app"), {store_path("lib"), store_path("lib2")});
        upstream->serve(store_path("lib"), {store_path("libc")});
        upstream->serve(store_path("lib2"), {store_path("libc")});
        upstream->serve(store_path("libc"));
        reader = std::make_unique<ClosureReader>(*judge, world.graph, facts, most_questions);
    }
    // The names of what is found, or the kind of failure.
    async::Task<Found> read(const std::string& top) {
        auto found = co_await reader->read(store_path(top), plan::every_cache, store);
        if (!found) co_return Found{"failed: " + std::string(to_string(found.error().kind()))};
        Found names;
        for (const auto& member : *found) names.emplace(member.path.name());
        co_return names;
    }
    void run(std::function<async::Task<void>(async::Executor)> body) {
        run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
            co_await body(executor);
            reader.reset();
            judge.reset(); // while its loop is there
        });
    }
};

const Found whole{"system", "etc", "app", "lib", "lib2", "libc"};

} // namespace

BOOST_FIXTURE_TEST_SUITE(closure_reader, Fixture)

BOOST_AUTO_TEST_CASE(everything_below_is_found_once_and_an_upstream_is_asked_first_for_what_its_own_paths_need) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        auto names = co_await read("system");
        BOOST_TEST((names == whole));
        BOOST_TEST(own->questions == 3U);      // system, etc, app
        BOOST_TEST(upstream->questions == 4U); // app, lib, lib2, libc
    });
}

BOOST_AUTO_TEST_CASE(what_is_known_is_not_asked_for_again) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        own->serve(store_path("other"), {store_path("app")});
        co_await read("system");
        auto asked = own->questions + upstream->questions;
        auto names = co_await read("other");
        BOOST_TEST((names == Found{"other", "app", "lib", "lib2", "libc"}));
        BOOST_TEST(own->questions + upstream->questions == asked + 1);
    });
}

BOOST_AUTO_TEST_CASE(facts_and_the_store_come_before_any_cache) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        auto& app = facts.of(world.path("app"));
        app.references = {world.path("lib")};
        app.references_known = true;
        app.nar_size = 77;
        nix::PathInfo lib{.path = store_path("lib"),
                          .nar_hash = {},
                          .nar_size = 5,
                          .references = {},
                          .deriver = {},
                          .signatures = {},
                          .content_address = {}};
        infos.emplace(lib.path, lib);
        auto names = co_await read("app");
        BOOST_TEST((names == Found{"app", "lib"}));
        BOOST_TEST(own->questions + upstream->questions == 0U);
    });
}

BOOST_AUTO_TEST_CASE(what_no_cache_has_leaves_nothing_to_show) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        upstream->visible.erase(store_path("libc"));
        auto names = co_await read("system");
        BOOST_TEST((names == Found{"failed: " + std::string(to_string(FailureKind::not_found))}));
    });
}

BOOST_AUTO_TEST_CASE(nothing_is_found_out_for_the_run) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor);
        co_await read("system");
        for (const auto* name : {"system", "app", "libc"}) {
            BOOST_TEST(facts.of(world.path(name)).asked == 0U);
            BOOST_TEST(!facts.of(world.path(name)).references_known);
        }
        BOOST_TEST(judge->unasked().empty());
    });
}

BOOST_AUTO_TEST_CASE(no_more_is_asked_than_is_allowed) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor, 6);
        auto names = co_await read("system");
        BOOST_TEST((names == Found{"failed: " + std::string(to_string(FailureKind::timeout))}));
        BOOST_TEST(own->questions + upstream->questions <= 6U);
    });
}

BOOST_AUTO_TEST_SUITE_END()
