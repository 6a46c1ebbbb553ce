#include "captured_stream.hpp"
#include "golden_text.hpp"
#include "report/display.hpp"
#include "reports.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

struct Log {
    explicit Log(bool quiet = false, bool verbose = false) {
        report::DisplaySettings settings;
        settings.quiet = quiet;
        settings.verbose = verbose;
        settings.stream = captured.stream();
        display = report::make_display(settings);
        start = Clock::now();
        tick(0s);
    }
    void on(const event::Event& event) { display->on_event(event); }
    void tick(std::chrono::milliseconds after) { display->tick(start + after); }
    std::string take() { return captured.take(); }

    CapturedStream captured;
    std::unique_ptr<report::Display> display;
    Clock::time_point start;
};

event::BuildFinished failed_build() {
    event::BuildFinished finished;
    finished.derivation = store_path("firefox-141.0.drv");
    finished.name = "firefox-141.0";
    finished.outcome = event::BuildOutcome::failed;
    finished.took = 75s;
    finished.error = "builder failed with exit code 2";
    finished.log_tail = {"checking for cc... no", "", "configure: error: no compiler"};
    return finished;
}

event::EvaluationFinished failed_evaluation() {
    event::EvaluationFinished finished;
    finished.target = "nixos:web";
    finished.error = "error: attribute 'foo' missing\n  at hosts/web.nix:12:5";
    finished.position = event::Position{.file = "hosts/web.nix", .line = 12, .column = 5};
    return finished;
}

void whole_run(Log& log) {
    log.on(event::StageStarted{event::Stage::preflight});
    log.on(event::StageFinished{event::Stage::preflight, 300ms});
    log.on(event::StageStarted{event::Stage::evaluate});
    log.on(event::TargetsFound{.targets = {"nixos:nas", "nixos:web"}, .skipped = {"nixos:template"}});
    for (const auto* target : {"nixos:nas", "nixos:web"}) log.on(event::EvaluationStarted{target});
    log.tick(31s);
    log.on(failed_evaluation());
    event::EvaluationFinished finished;
    finished.target = "nixos:nas";
    finished.succeeded = true;
    finished.impure = true;
    finished.took = 42s;
    log.on(finished);
    log.on(event::StageFinished{event::Stage::evaluate, 42s});
    event::PlanChanged plan;
    plan.builds = 12;
    plan.compiles = 9;
    plan.light = 3;
    plan.fetches = 41;
    plan.bytes_to_fetch = 300 << 20;
    plan.pushes_without_build = 2;
    plan.critical_path = 10min;
    log.on(plan);
    log.tick(43s);
    log.on(event::StageStarted{event::Stage::build});
    log.on(event::BuildStarted{
        .derivation = store_path("firefox-141.0.drv"), .name = "firefox-141.0", .kind = "compile", .expected = 5min});
    log.on(event::BuildStarted{
        .derivation = store_path("linux-6.12.drv"), .name = "linux-6.12", .kind = "compile", .expected = 5min});
    log.tick(60s);
    log.on(failed_build());
    for (const auto* name : {"system-path", "nixos-system"}) {
        event::BuildFinished blocked;
        blocked.derivation = store_path(std::string(name) + ".drv");
        blocked.name = name;
        blocked.outcome = event::BuildOutcome::blocked;
        blocked.blocked_by = "firefox-141.0";
        log.on(blocked);
    }
    log.on(event::PushStarted{store_path("gcc-14.2"), 210 << 20});
    log.on(event::PushProgress{store_path("gcc-14.2"), 12 << 20});
    event::PushFinished pushed;
    pushed.path = store_path("gcc-14.2");
    pushed.nar_size = 210 << 20;
    pushed.file_size = 12 << 20;
    log.on(pushed);
    log.tick(95s);
    log.tick(100s);
    log.on(event::Message{event::Severity::warning, "the cache stays away: 503 for 2 min", "builds go on"});
    log.on(event::RunFinished{1, {"1 build failed"}, 200s});
    log.tick(300s);
    log.display->finish();
}

} // namespace

BOOST_AUTO_TEST_SUITE(log_form)

BOOST_AUTO_TEST_CASE(milestones_and_signs_of_life) {
    Log log;
    whole_run(log);
    check_golden("log.txt", log.take());
}

BOOST_AUTO_TEST_CASE(quiet_leaves_warnings_and_failures) {
    Log log(true);
    whole_run(log);
    check_golden("log-quiet.txt", log.take());
}

BOOST_AUTO_TEST_CASE(verbose_tells_every_push_and_log_line) {
    Log log(false, true);
    log.on(event::BuildStarted{.derivation = store_path("hello-1.drv"), .name = "hello-1", .kind = "compile"});
    log.on(event::BuildLogLine{store_path("hello-1.drv"), "unpacking"});
    event::PushFinished pushed;
    pushed.path = store_path("hello-1");
    log.on(pushed);
    BOOST_TEST(log.take() == "hello-1> unpacking\npushed    hello-1  0 B, 0 B compressed, 0.0 s\n");
}

BOOST_AUTO_TEST_CASE(silence_never_lasts_longer_than_half_a_minute) {
    Log log;
    log.on(event::StageStarted{event::Stage::preflight});
    std::size_t lines = 0;
    for (int second = 1; second <= 300; ++second) {
        log.tick(std::chrono::seconds(second));
        lines += log.take().empty() ? 0U : 1U;
    }
    BOOST_TEST(lines == 10U);
}

BOOST_AUTO_TEST_CASE(a_thousand_quick_pushes_do_not_flood) {
    Log log;
    std::string all;
    for (int i = 0; i < 1000; ++i) {
        event::PushFinished pushed;
        pushed.path = store_path(std::to_string(i));
        log.on(pushed);
        log.tick(i * 20ms);
        all += log.take();
    }
    BOOST_TEST(std::count(all.begin(), all.end(), '\n') <= 5);
}

BOOST_AUTO_TEST_CASE(paths_that_could_not_go_up_are_named_at_once) {
    Log log;
    event::PushFinished withheld;
    withheld.path = store_path("broken");
    withheld.outcome = event::PushOutcome::withheld;
    withheld.reason = "its files do not match the recorded hash";
    log.on(withheld);
    BOOST_TEST(log.take() == "withheld  " + withheld.path + ": " + withheld.reason + "\n");
}

BOOST_AUTO_TEST_SUITE_END()
