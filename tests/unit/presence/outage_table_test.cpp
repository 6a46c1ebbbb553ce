// Every way in which a cache can be away, for how long, and what each command makes of it. The clock is cranked by
// hand, so ten minutes are code under test and no sleep.
#include "../plan/world.hpp"
#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "plan/availability.hpp"
#include "presence/judge.hpp"
#include "presence/views.hpp"
#include "support/faulty_cache.hpp"

#include <boost/test/unit_test.hpp>

#include <array>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using presence::Judge;
using presence::Patience;

namespace {

enum class Place { own, upstream };
enum class Command { run, verify, doctor, push, wait, watch };
using Duration = std::optional<std::chrono::milliseconds>; // empty: for ever

constexpr std::array faults{Fault::refused, Fault::reset,    Fault::silent,       Fault::unavailable,
                            Fault::limited, Fault::one_path, Fault::unauthorized, Fault::forbidden};
const std::array<Duration, 4> durations{2s, 20s, 5min, std::nullopt};

struct Recorder final : event::Sink {
    void on_event(const event::Event& event) override {
        if (const auto* waiting = std::get_if<event::CacheWaiting>(&event)) waits.push_back(*waiting);
    }
    std::size_t count(event::CacheWaiting::State state) const {
        return static_cast<std::size_t>(
            std::count_if(waits.begin(), waits.end(), [state](const auto& e) { return e.state == state; }));
    }
    std::vector<event::CacheWaiting> waits;
};

struct Outcome {
    bool decided = false; // the true answer was found
    bool wrong = false;   // absent although it is there, or the other way round
    bool builds = false;  // something of kind compile that a cache has would be built
    std::chrono::milliseconds took{};
    bool said = false; // whose silence it was
};

// A host made of a library and a tool that the upstream has; the host itself is in the own cache.
class Scene {
  public:
    Scene(async::Executor executor, HandClock& clock, Patience patience)
        : executor_(executor), clock_(clock), judge(executor, clock, world.graph, world.facts, sink, patience) {
        world.derivation("warm").derivation("lib").derivation("tool").derivation("top", {"lib", "tool"}).target("top");
        for (const auto* name : {"warm", "lib", "tool", "top"}) world.path(name);
        auto own_cache = std::make_unique<FaultyCache>(executor, clock, "own.example");
        auto upstream_cache = std::make_unique<FaultyCache>(executor, clock, "upstream.example");
        own = own_cache.get();
        upstream = upstream_cache.get();
        own->serve(store_path("top"), {store_path("lib")});
        own->serve(store_path("warm"));
        for (const auto* name : {"warm", "lib", "tool"}) upstream->serve(store_path(name));
        cache::CacheInfo info;
        info.name = "own";
        judge.add_own({.backend = std::move(own_cache), .info = info, .keys = {}});
        judge.learn(nix::TrustedKeys::everybody());
        judge.add_upstream(std::move(upstream_cache));
    }

    async::Task<void> ask(std::string name, plan::CacheMask caches) {
        std::vector<plan::PathId> asked{world.path(name)};
        Judge::Counting counting = [this, caches] {
            return judge.all() & ~(caches & 0b01 ? 0 : judge.views().all_of(0)) &
                   ~(caches & 0b10 ? 0 : judge.views().all_of(1));
        };
        co_await judge.ask_whole(std::move(asked), std::move(counting));
    }

    void break_cache(Place place, Fault fault, Duration lasts) {
        auto* cache = place == Place::own ? own : upstream;
        cache->fault = fault;
        cache->victim = store_path(place == Place::own ? "top" : "lib");
        if (lasts) cache->until = clock_.elapsed() + *lasts;
    }

    // As Run does: plan, ask, plan.
    async::Task<void> settle() {
        for (int round = 0; round < 100; ++round) {
            for (auto& target : world.targets) target.trusted_caches = judge.all();
            world.policy.fetchable_here = judge.all();
            plan = plan::make_plan(world.graph, world.facts, world.targets, world.policy);
            if (plan.questions.empty()) co_return;
            auto answered = co_await judge.answer(plan.questions, nullptr);
            BOOST_TEST_REQUIRE(answered.has_value());
        }
        BOOST_FAIL("questions without an end");
    }

    bool would_build_what_is_there() const { return !plan.builds.empty(); }

    async::Executor executor_;
    HandClock& clock_;
    Recorder sink;
    World world;
    Judge judge;
    FaultyCache* own = nullptr;
    FaultyCache* upstream = nullptr;
    plan::Plan plan;
};

async::Task<void> sleep(async::Executor executor, HandClock& clock, std::chrono::milliseconds pause) {
    async::Nap nap(executor);
    co_await clock.sleep_until(nap, clock.now() + pause);
}

Patience patience_of(Command command) {
    Patience patience;
    if (command == Command::doctor || command == Command::wait)
        patience.away = patience.never_seen = patience.one_path = 5s;
    return patience;
}

// What the command makes of it, and when. `wait` and `watch` come back until they know, for an hour at most.
async::Task<void> carry_out(Scene& scene, Command command, Outcome& outcome) {
    const auto& facts = scene.world.facts;
    auto top = scene.world.path("top");
    auto everything = [&] { return std::vector<plan::CacheMask>(scene.world.graph.path_count(), scene.judge.all()); };
    switch (command) {
    case Command::run:
        co_await scene.settle();
        outcome.decided = scene.plan.undecided.empty();
        outcome.builds = scene.would_build_what_is_there();
        outcome.wrong = outcome.builds || !scene.plan.pushes.empty();
        break;
    case Command::verify: {
        co_await scene.ask("top", 0b11);
        auto state = plan::completeness(top, facts, everything());
        outcome.decided = state == plan::Completeness::complete;
        outcome.wrong = state == plan::Completeness::holed || state == plan::Completeness::absent;
        break;
    }
    case Command::doctor:
    case Command::wait:
        for (int look = 0; look < 240 && !outcome.decided; ++look) {
            if (look > 0) {
                co_await sleep(scene.executor_, scene.clock_, 15s);
                scene.judge.forget_what_was_lacking();
            }
            co_await scene.ask("top", 0b11);
            auto state = plan::completeness(top, facts, everything());
            outcome.decided = state == plan::Completeness::complete;
            outcome.wrong |= state == plan::Completeness::holed || state == plan::Completeness::absent;
            if (command == Command::doctor) break;
        }
        break;
    case Command::push:
    case Command::watch:
        for (int look = 0; look < 60 && !outcome.decided; ++look) {
            if (look > 0) {
                co_await sleep(scene.executor_, scene.clock_, 1min);
                scene.judge.forget_all();
            }
            Judge::Counting counting = [&scene] { return scene.judge.all(); };
            auto served = co_await scene.judge.is_served(store_path("top"), std::move(counting));
            outcome.decided = served.has_value() && *served;
            outcome.wrong |= served.has_value() && !*served;
            if (command == Command::push) break;
        }
        break;
    }
    outcome.said = !scene.judge.unasked().empty();
}

Outcome tell(Place place, Fault fault, Duration lasts, Command command, bool from_the_start, bool bulk = false) {
    Outcome outcome;
    HandClock clock;
    run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
        Scene scene(executor, clock, patience_of(command));
        scene.own->has_bulk_query = bulk;
        const plan::CacheMask broken = place == Place::own ? 0b01 : 0b10;
        if (!from_the_start) co_await scene.ask("warm", broken);
        scene.break_cache(place, fault, lasts);
        auto start = clock.elapsed();
        co_await carry_out(scene, command, outcome);
        outcome.took = clock.elapsed() - start;
        if (outcome.took > 4s && place == Place::upstream && fault != Fault::one_path)
            BOOST_TEST(!scene.sink.waits.empty(), "it waits for " << outcome.took.count() << " ms without a word");
    });
    return outcome;
}

std::string row(Place place, Fault fault, Duration lasts, Command command) {
    constexpr std::array commands{"run", "verify", "doctor", "push", "wait", "watch"};
    return std::string(place == Place::own ? "own" : "upstream") + ", " + std::string(to_string(fault)) + ", " +
           (lasts ? std::to_string(lasts->count() / 1000) + " s" : std::string("for ever")) + ", " +
           commands[static_cast<std::size_t>(command)];
}

bool is_refusal(Fault fault) { return fault == Fault::unauthorized || fault == Fault::forbidden; }

} // namespace

BOOST_AUTO_TEST_SUITE(outages)

// Patient commands: the answer is found when the cache is back in time, and else stays unknown; it is never wrong.
BOOST_AUTO_TEST_CASE(a_cache_that_answered_before_is_waited_for_ten_minutes) {
    for (auto place : {Place::own, Place::upstream})
        for (auto fault : faults)
            for (auto lasts : durations)
                for (auto command : {Command::run, Command::verify, Command::push}) {
                    if (is_refusal(fault)) continue;
                    BOOST_TEST_CONTEXT(row(place, fault, lasts, command)) {
                        auto outcome = tell(place, fault, lasts, command, false);
                        auto patience = fault == Fault::one_path ? 60s : 600s;
                        bool back_in_time = lasts && *lasts < patience;
                        BOOST_TEST(!outcome.wrong);
                        BOOST_TEST(!outcome.builds);
                        BOOST_TEST(outcome.decided == back_in_time);
                        BOOST_TEST(outcome.said == !back_in_time);
                        if (back_in_time)
                            BOOST_TEST(outcome.took.count() <= 2 * lasts->count() + 60'000);
                        else
                            BOOST_TEST(outcome.took.count() <= 700'000);
                        if (!lasts && fault == Fault::one_path) BOOST_TEST(outcome.took.count() <= 90'000);
                    }
                }
}

BOOST_AUTO_TEST_CASE(a_cache_that_never_answered_is_waited_for_a_minute) {
    for (auto fault : faults)
        for (auto lasts : durations)
            for (auto command : {Command::run, Command::verify, Command::push}) {
                if (is_refusal(fault) || fault == Fault::one_path) continue;
                BOOST_TEST_CONTEXT(row(Place::upstream, fault, lasts, command)) {
                    auto outcome = tell(Place::upstream, fault, lasts, command, true);
                    BOOST_TEST(!outcome.wrong);
                    BOOST_TEST(!outcome.builds);
                    BOOST_TEST(outcome.decided == (lasts && *lasts < 60s));
                    BOOST_TEST(outcome.took.count() <= 90'000);
                }
            }
}

BOOST_AUTO_TEST_CASE(a_cache_that_refuses_us_is_not_waited_for_and_nothing_is_built) {
    for (auto command : {Command::run, Command::verify, Command::push, Command::doctor})
        for (auto from_the_start : {true, false}) {
            auto fault = Fault::unauthorized;
            BOOST_TEST_CONTEXT(row(Place::upstream, fault, {}, command)) {
                auto outcome = tell(Place::upstream, fault, {}, command, from_the_start);
                BOOST_TEST(!outcome.wrong);
                BOOST_TEST(!outcome.builds);
                BOOST_TEST(!outcome.decided);
                BOOST_TEST(outcome.said);
                BOOST_TEST(outcome.took.count() == 0);
            }
        }
    // 403 to everything, from the start: the same. Later, about a path: as Nix has it, the path is not there.
    auto closed = tell(Place::upstream, Fault::forbidden, {}, Command::run, true);
    BOOST_TEST((!closed.decided && closed.said && !closed.builds));
    auto hidden = tell(Place::upstream, Fault::forbidden, {}, Command::run, false);
    BOOST_TEST((hidden.decided && hidden.builds));
}

BOOST_AUTO_TEST_CASE(whoever_only_looks_is_not_held_up_and_says_so) {
    for (auto place : {Place::own, Place::upstream})
        for (auto fault : faults)
            for (auto lasts : durations) {
                if (is_refusal(fault)) continue;
                BOOST_TEST_CONTEXT(row(place, fault, lasts, Command::doctor)) {
                    auto outcome = tell(place, fault, lasts, Command::doctor, false);
                    BOOST_TEST(!outcome.wrong);
                    BOOST_TEST(outcome.took.count() <= 65'000); // a silent server takes its own time
                    BOOST_TEST(outcome.decided != outcome.said);
                    if (!lasts) BOOST_TEST(!outcome.decided);
                }
            }
}

BOOST_AUTO_TEST_CASE(whoever_comes_back_learns_it_in_the_end) {
    for (auto command : {Command::wait, Command::watch})
        for (auto place : {Place::own, Place::upstream})
            for (auto fault : faults)
                for (auto lasts : durations) {
                    if (is_refusal(fault) || !lasts) continue;
                    BOOST_TEST_CONTEXT(row(place, fault, lasts, command)) {
                        auto outcome = tell(place, fault, lasts, command, false);
                        BOOST_TEST(!outcome.wrong);
                        BOOST_TEST(outcome.decided);
                        BOOST_TEST(outcome.took.count() <= 2 * lasts->count() + 180'000);
                    }
                }
}

// A mirror has a judge of its own beside the one that decides.
BOOST_AUTO_TEST_CASE(a_mirror_is_waited_for_as_the_cache_that_decides_is) {
    for (auto fault : faults)
        for (auto lasts : durations) {
            if (is_refusal(fault)) continue;
            BOOST_TEST_CONTEXT("mirror, " << to_string(fault) << ", " << (lasts ? lasts->count() / 1000 : -1) << " s") {
                HandClock clock;
                run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
                    Scene scene(executor, clock, Patience());
                    plan::Facts facts;
                    Judge mirror(executor, clock, scene.world.graph, facts, scene.sink, Patience());
                    mirror.share_views(scene.judge);
                    auto backend = std::make_unique<FaultyCache>(executor, clock, "mirror.example");
                    auto* cache = backend.get();
                    for (const auto* name : {"warm", "lib"}) cache->serve(store_path(name));
                    cache->serve(store_path("top"), {store_path("lib")});
                    cache::CacheInfo info;
                    info.name = "mirror";
                    mirror.add_own({.backend = std::move(backend), .info = info, .keys = {}});
                    Judge::Counting counting = [&mirror] { return mirror.all(); };
                    auto before = co_await mirror.is_served(store_path("warm"), counting);
                    BOOST_TEST((before && *before));
                    cache->fault = fault;
                    cache->victim = store_path("top");
                    if (lasts) cache->until = clock.elapsed() + *lasts;
                    auto start = clock.elapsed();
                    auto served = co_await mirror.is_served(store_path("top"), counting);
                    auto patience = fault == Fault::one_path ? 60s : 600s;
                    BOOST_TEST(served.has_value() == (lasts && *lasts < patience));
                    BOOST_TEST((!served || *served)); // never "it is not there", which would upload it again
                    BOOST_TEST((clock.elapsed() - start).count() <= 700'000);
                    Judge::Counting all = [&scene] { return scene.judge.all(); };
                    auto decides = co_await scene.judge.is_served(store_path("top"), all);
                    BOOST_TEST((decides && *decides)); // nobody else is held up
                });
            }
        }
}

BOOST_AUTO_TEST_CASE(a_bulk_question_is_waited_for_like_any_other) {
    for (auto lasts : durations) {
        HandClock clock;
        run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
            Scene scene(executor, clock, Patience());
            auto own = std::make_unique<FaultyCache>(executor, clock, "bulk.example");
            auto* cache = own.get();
            cache->has_bulk_query = true;
            cache::CacheInfo info;
            info.has_bulk_query = true;
            plan::Facts facts;
            Judge judge(executor, clock, scene.world.graph, facts, scene.sink, Patience());
            judge.add_own({.backend = std::move(own), .info = info, .keys = {}});
            cache->serve(store_path("lib"));
            cache->fault = Fault::unavailable;
            cache->until = lasts;
            std::vector<plan::PathId> asked{scene.world.path("lib"), scene.world.path("tool")};
            auto told = co_await judge.ask_bulk(asked);
            BOOST_TEST(told.has_value());
            bool back_in_time = lasts && *lasts < 600s;
            BOOST_TEST(facts.of(asked[0]).claimed_there == back_in_time);
            BOOST_TEST(facts.of(asked[1]).claimed_missing == back_in_time);
            BOOST_TEST((facts.of(asked[1]).unknown != 0) == !back_in_time);
        });
    }
}

BOOST_AUTO_TEST_SUITE_END()
