#include "async/together.hpp"
#include "fill/vanished.hpp"
#include "support/faulty_cache.hpp"
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
    std::optional<async::Clock::TimePoint> since;
    cache::CacheInfo info;
    Paths without_archive;
    std::optional<Failure> bulk_failure;
    bool answers_nonsense = false;
    std::function<void(FaultyCache&)> later; // after five seconds

    Result<fill::Vanished> look(const Paths& shown, const Paths& published, std::optional<Fault> fault = {}) {
        std::optional<Result<fill::Vanished>> found;
        run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
            FaultyCache cache(executor, clock, "own.example");
            for (const auto& one : shown) cache.serve(one);
            cache.lost_archives.insert(without_archive.begin(), without_archive.end());
            cache.fault = fault;
            cache.bulk_failure = bulk_failure;
            cache.narinfos_are_nonsense = answers_nonsense;
            std::function<bool()> over = [this] { return is_over; };
            VanishedLook at{
                .executor = executor, .clock = clock, .cache = cache, .info = info, .is_over = over, .since = since};
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
        info.has_bulk_query = bulk;
        auto found = look({path("a"), path("b")}, {path("a"), path("b")});
        BOOST_REQUIRE(found.has_value());
        BOOST_TEST(found->empty());
    }
    BOOST_TEST(clock.elapsed() <= 10s); // of what happens later
}

BOOST_AUTO_TEST_CASE(what_is_not_shown_is_waited_for_a_minute_and_named) {
    for (bool bulk : {false, true}) {
        info.has_bulk_query = bulk;
        auto start = clock.elapsed();
        auto found = look({path("a")}, {path("a"), path("b"), path("c")});
        BOOST_REQUIRE(found.has_value());
        BOOST_TEST((*found == fill::Vanished{{path("b"), ""}, {path("c"), ""}}));
        BOOST_TEST(clock.elapsed() - start >= 60s);
        BOOST_TEST(clock.elapsed() - start < 70s);
    }
}

BOOST_AUTO_TEST_CASE(what_was_waited_for_already_is_not_waited_for_a_minute_more) {
    clock.advance(70s);
    since = HandClock::TimePoint(0s);
    auto start = clock.elapsed();
    auto found = look({}, {path("a")});
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST((*found == fill::Vanished{{path("a"), ""}}));
    BOOST_TEST(clock.elapsed() - start < 10s); // of what happens later
}

BOOST_AUTO_TEST_CASE(what_is_shown_without_its_archive_is_not_there) {
    without_archive = {path("b")};
    auto found = look({path("a"), path("b")}, {path("a"), path("b")});
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST((*found == fill::Vanished{{path("b"), ""}}));
}

BOOST_AUTO_TEST_CASE(where_a_question_about_many_gets_no_sensible_answer_each_is_looked_at) {
    info.has_bulk_query = true;
    bulk_failure = Failure(FailureKind::protocol, "own.example answered no HTTP");
    auto found = look({path("a")}, {path("a"), path("b")});
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST((*found == fill::Vanished{{path("b"), ""}}));
}

BOOST_AUTO_TEST_CASE(something_else_in_the_place_of_narinfos_is_given_a_few_seconds) {
    answers_nonsense = true;
    auto found = look({path("a")}, {path("a")});
    BOOST_REQUIRE(found.has_value());
    BOOST_REQUIRE(found->size() == 1U);
    auto instead = found->at(path("a"));
    BOOST_TEST(instead.find("own.example") != std::string::npos, instead);
    push::PushRecord taken;
    taken.outcome = event::PushOutcome::published;
    BOOST_TEST(fill::why_vanished(taken, instead) ==
               "the cache took it and does not show it, so nobody can fetch it: " + instead);
    BOOST_TEST(clock.elapsed() >= 6s);
    BOOST_TEST(clock.elapsed() < 10s);
}

BOOST_AUTO_TEST_CASE(what_the_cache_says_it_has_is_told_from_what_was_read_there) {
    using event::PushOutcome;
    auto record = [](PushOutcome outcome, bool was_on_its_way) {
        push::PushRecord made;
        made.outcome = outcome;
        if (was_on_its_way) made.start = std::chrono::steady_clock::time_point();
        return made;
    };
    auto taken = record(PushOutcome::published, true), found_there = record(PushOutcome::already_there, true);
    push::Ledger ledger{{path("taken"), taken},
                        {path("found"), found_there},
                        {path("served"), record(PushOutcome::already_there, false)},
                        {path("refused"), record(PushOutcome::failed, true)}};
    auto paths = fill::claimed(ledger);
    BOOST_TEST((std::set<nix::StorePath>(paths.begin(), paths.end()) ==
                std::set<nix::StorePath>{path("taken"), path("found")}));
    BOOST_TEST(fill::why_vanished(taken).find("took it") != std::string::npos);
    BOOST_TEST(fill::why_vanished(found_there).find("says that it is there") != std::string_view::npos);
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
    BOOST_TEST((*so_far == fill::Vanished{{path("a"), ""}, {path("b"), ""}}));
}

// An upload that its bucket said yes to and did not keep was called published.
BOOST_AUTO_TEST_CASE(what_answers_from_its_books_is_asked_for_archives_as_well) {
    info.has_bulk_query = true;
    without_archive = {path("b")};
    auto believed = look({path("a"), path("b")}, {path("a"), path("b")});
    BOOST_TEST((believed.has_value() && believed->empty()));
    info.bulk_query_sees_archives = false;
    auto found = look({path("a"), path("b")}, {path("a"), path("b"), path("c")});
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST((*found == fill::Vanished{{path("b"), ""}, {path("c"), ""}}));
}

BOOST_AUTO_TEST_SUITE_END()
