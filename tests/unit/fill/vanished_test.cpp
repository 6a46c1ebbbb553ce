#include "../presence/faulty_cache.hpp"
#include "async/together.hpp"
#include "fill/vanished.hpp"
#include "support/machine.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using fill::VanishedLook;
using namespace std::chrono_literals;
using Paths = std::vector<nix::StorePath>;

namespace {

nix::StorePath path(const std::string& name) { return Machine::some_path(name); }

struct Scene {
    HandClock clock;
    bool is_over = false;
    bool has_bulk_query = false;
    Paths without_archive;
    std::function<void(FaultyCache&)> later; // after five seconds

    Result<std::set<nix::StorePath>> look(const Paths& shown, const Paths& published, std::optional<Fault> fault = {}) {
        std::optional<Result<std::set<nix::StorePath>>> found;
        run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
            FaultyCache cache(executor, clock, "own.example");
            for (const auto& one : shown) cache.serve(one);
            cache.lost_archives.insert(without_archive.begin(), without_archive.end());
            cache.fault = fault;
            VanishedLook at{.executor = executor,
                            .clock = clock,
                            .cache = cache,
                            .has_bulk_query = has_bulk_query,
                            .is_over = [this] { return is_over; }};
            auto act = [](Scene& scene, FaultyCache& shows, async::Executor on) -> async::Task<void> {
                async::Nap nap(on);
                co_await scene.clock.sleep_until(nap, scene.clock.now() + 5s);
                if (scene.later) scene.later(shows);
            };
            auto ask = [](VanishedLook where, Paths paths, auto& answer) -> async::Task<void> {
                answer.emplace(co_await fill::find_vanished(std::move(where), std::move(paths)));
            };
            auto both = [&](async::TaskGroup& group) {
                group.spawn(act(*this, cache, executor));
                group.spawn(ask(std::move(at), published, found));
            };
            co_await async::together(both);
        });
        return std::move(*found);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(vanished, Scene)

BOOST_AUTO_TEST_CASE(what_is_shown_is_not_waited_for) {
    for (bool bulk : {false, true}) {
        has_bulk_query = bulk;
        auto found = look({path("a"), path("b")}, {path("a"), path("b")});
        BOOST_REQUIRE(found.has_value());
        BOOST_TEST(found->empty());
    }
    BOOST_TEST(clock.elapsed() <= 10s); // of what happens later
}

BOOST_AUTO_TEST_CASE(what_is_not_shown_is_waited_for_a_minute_and_named) {
    for (bool bulk : {false, true}) {
        has_bulk_query = bulk;
        auto start = clock.elapsed();
        auto found = look({path("a")}, {path("a"), path("b"), path("c")});
        BOOST_REQUIRE(found.has_value());
        BOOST_TEST((*found == std::set<nix::StorePath>{path("b"), path("c")}));
        BOOST_TEST(clock.elapsed() - start >= 60s);
        BOOST_TEST(clock.elapsed() - start < 70s);
    }
}

BOOST_AUTO_TEST_CASE(what_is_shown_without_its_archive_is_not_there) {
    without_archive = {path("b")};
    auto found = look({path("a"), path("b")}, {path("a"), path("b")});
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST((*found == std::set<nix::StorePath>{path("b")}));
}

BOOST_AUTO_TEST_CASE(what_is_shown_late_is_there) {
    later = [](FaultyCache& cache) { cache.serve(path("b")); };
    auto found = look({path("a")}, {path("a"), path("b")});
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST(found->empty());
    BOOST_TEST(clock.elapsed() < 10s);
}

BOOST_AUTO_TEST_CASE(a_cache_that_cannot_be_asked_is_a_failure_and_who_is_over_knows_what_is_not_shown_so_far) {
    BOOST_TEST(!look({}, {path("a")}, Fault::unauthorized).has_value());
    is_over = true;
    auto so_far = look({path("b")}, {path("a"), path("b")});
    BOOST_REQUIRE(so_far.has_value());
    BOOST_TEST((*so_far == std::set<nix::StorePath>{path("a"), path("b")}));
}

BOOST_AUTO_TEST_SUITE_END()
