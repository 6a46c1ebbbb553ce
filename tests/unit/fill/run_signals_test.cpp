// A signal at each stage of a run: what was done is kept and told, and nothing new begins.
#include "event/event.hpp"
#include "options/settings.hpp"
#include "run_scene.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using Names = std::vector<std::string>;

namespace {

// nas needs tool, which needs lib; desk needs app.
struct Fleet : RunScene {
    Fleet() {
        derivation("lib");
        derivation("tool", {"lib"});
        derivation("app");
        host("nas", {"tool"});
        host("desk", {"app"});
        machine.settings.jobs = 4;
    }
    ~Fleet() override {
        BOOST_TEST(is_cache_sound());
        BOOST_TEST(running == nullptr);
    }
    // What every interrupted run says.
    void is_told(int exit_code) {
        BOOST_TEST(report.exit_code == exit_code, causes());
        BOOST_REQUIRE(!report.causes.empty());
        BOOST_TEST(report.causes.back() == "interrupted before it was done");
        for (const auto& target : report.targets) BOOST_TEST(!target.verified);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(run_signals, Fleet)

BOOST_AUTO_TEST_CASE(before_anything_is_known) {
    for (auto stage : {event::Stage::preflight, event::Stage::discover}) {
        Fleet fleet;
        fleet.when(stage, [&fleet] { fleet.interrupt(SIGINT); });
        fleet.run();
        fleet.is_told(130);
        BOOST_TEST(fleet.times_told<event::EvaluationStarted>() == 0U);
        BOOST_TEST(fleet.report.targets.empty());
    }
}

BOOST_AUTO_TEST_CASE(while_hosts_are_evaluated) {
    hosts[0].evaluation = 10min;
    interrupt_at(500ms, SIGTERM);
    run();
    is_told(143);
    BOOST_TEST(verdict("nas") == "not-evaluated");
    BOOST_TEST(verdict("desk") == "not-evaluated");
    BOOST_TEST(built().empty());
    BOOST_TEST(clock.elapsed() < 1s);
}

BOOST_AUTO_TEST_CASE(while_a_cache_is_asked) {
    when(event::Stage::evaluate, [this] { own.fault = Fault::silent; });
    interrupt_at(10s, SIGINT);
    run();
    is_told(130);
    BOOST_TEST(verdict("nas") == "unknown");
    BOOST_TEST(built().empty());
    BOOST_TEST(clock.elapsed() < 31s); // one request ends by itself
}

BOOST_AUTO_TEST_CASE(just_when_the_daemon_has_finished_something_and_not_said_so_yet) {
    at(15s, [this] {
        make_valid("tool");
        interrupt(SIGINT);
    });
    run();
    is_told(130);
    BOOST_TEST(outcome("tool") == "built");
    BOOST_TEST(pushed("tool") == "not-pushed");
    BOOST_TEST(outcome("desk") == "cancelled");
}

BOOST_AUTO_TEST_CASE(while_something_is_built) {
    interrupt_at(15s, SIGINT);
    run();
    is_told(130);
    BOOST_TEST(outcome("lib") == "built");
    BOOST_TEST(outcome("tool") == "cancelled");
    BOOST_TEST(outcome("desk") == "cancelled");
    BOOST_TEST(outcome("nas") == "not-started");
    BOOST_TEST(sorted(published()) == (Names{"app", "lib"}), boost::test_tools::per_element());
    BOOST_TEST(verdict("nas") == "incomplete");
    BOOST_TEST(clock.elapsed() < 16s);
}

BOOST_AUTO_TEST_CASE(while_something_goes_up_that_takes_a_moment) {
    uploads["lib"] = 6s;
    interrupt_at(15s, SIGINT); // it has begun at 11 s
    run();
    is_told(130);
    BOOST_TEST(pushed("lib") == "published");
    BOOST_TEST(pushed("app") == "published");
    BOOST_TEST(clock.elapsed() < 18s);
}

BOOST_AUTO_TEST_CASE(while_something_goes_up_that_takes_long) {
    uploads["lib"] = 10min;
    interrupt_at(15s, SIGTERM);
    run();
    is_told(143);
    BOOST_TEST(pushed("lib") == "not-pushed");
    BOOST_TEST(pushed("app") == "published");
    BOOST_TEST(own.aborted == 1U);
    BOOST_TEST(clock.elapsed() <= 19500ms); // the grace of uploads
}

BOOST_AUTO_TEST_CASE(while_the_cache_is_looked_at_once_more) {
    when(event::Stage::verify, [this] { interrupt(SIGINT); });
    run();
    BOOST_TEST(report.exit_code == 130, causes());
    BOOST_TEST(sorted(published()) == (Names{"app", "desk", "lib", "nas", "tool"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_second_one_changes_nothing) {
    interrupt_at(15s, SIGTERM);
    interrupt_at(16s, SIGINT);
    uploads["app"] = 8s;
    run();
    is_told(143);
    BOOST_TEST(pushed("app") == "published");
}

BOOST_AUTO_TEST_SUITE_END()
