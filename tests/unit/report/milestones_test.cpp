#include "report/milestones.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace std::chrono_literals;
using report::Progress;

namespace {

struct Run {
    Progress progress;
    Progress::Clock::time_point start{};

    void at(std::chrono::milliseconds moment, const event::Event& event) { progress.apply(event, start + moment); }
    void starts(std::chrono::milliseconds moment, const std::string& name) {
        event::BuildStarted started;
        started.derivation = name + ".drv";
        started.name = name;
        at(moment, started);
    }
    std::string line(std::chrono::milliseconds moment) const { return report::state_line(progress, start + moment); }
};

event::PlanChanged plan_of(std::uint64_t builds) {
    event::PlanChanged plan;
    plan.builds = builds;
    return plan;
}

} // namespace

BOOST_AUTO_TEST_SUITE(report_milestones)

BOOST_AUTO_TEST_CASE(targets_are_named_and_those_left_out_counted) {
    BOOST_TEST(report::targets_line({.targets = {"nixos:nas"}, .skipped = {}}) == "1 target: nixos:nas\n");
    BOOST_TEST(report::targets_line({.targets = {"a", "b"}, .skipped = {"c", "d", "e"}}) ==
               "2 targets: a, b (3 not selected)\n");
    BOOST_TEST(report::targets_line({.targets = std::vector<std::string>(21, "x"), .skipped = {}})
                   .ends_with(", x and 1 more\n"));
}

BOOST_AUTO_TEST_CASE(a_plan_tells_what_there_is_to_do_and_leaves_out_what_there_is_not) {
    BOOST_TEST(report::plan_line(plan_of(0)) == "plan: 0 builds, 0 fetches\n");
    auto plan = plan_of(10);
    plan.compiles = 3;
    plan.light = 4;
    plan.local_by_design = 2;
    plan.fixed_output = 1;
    plan.fetches = 1;
    plan.bytes_to_fetch = 3 << 20;
    plan.pushes_without_build = 2;
    plan.critical_path = 125s;
    BOOST_TEST(report::plan_line(plan) ==
               "plan: 10 builds (3 compile, 4 light, 2 local by design, 1 fixed output), 1 fetch (3.0 MiB), 2 valid "
               "paths to push; at least 2 min 05 s\n");
}

BOOST_AUTO_TEST_CASE(while_nothing_is_known_a_run_says_where_it_is) {
    Run run;
    BOOST_TEST(run.line(0s) == "still at it\n");
    event::QueryProgress asked;
    asked.asked = 1200;
    run.at(0s, asked);
    BOOST_TEST(run.line(0s) == "asking the caches: 1200 paths so far\n");
    run.at(0s, event::StageStarted{event::Stage::query});
    BOOST_TEST(run.line(0s) == "still asking the caches\n");
}

BOOST_AUTO_TEST_CASE(what_is_going_on_stands_there_with_its_time_the_oldest_first) {
    Run run;
    run.at(0s, event::EvaluationStarted{"nixos:nas"});
    BOOST_TEST(run.line(65s) == "evaluating nixos:nas 1:05\n");
    event::EvaluationFinished evaluated;
    evaluated.target = "nixos:nas";
    run.at(66s, evaluated);
    run.at(66s, plan_of(6));
    for (const auto* name : {"zlib", "gcc", "acl", "bash"}) run.starts(70s, name);
    BOOST_TEST(run.line(100s) == "0 of 6 built · building zlib 0:30, gcc 0:30, acl 0:30 and 1 more\n");
    event::BuildFinished finished;
    finished.derivation = "zlib.drv";
    run.at(100s, finished);
    finished.derivation = "gcc.drv";
    finished.outcome = event::BuildOutcome::failed;
    run.at(100s, finished);
    finished.derivation = "other.drv";
    finished.outcome = event::BuildOutcome::blocked;
    run.at(100s, finished);
    BOOST_TEST(run.line(100s) ==
               "1 of 6 built, 1 failed, 1 blocked · building acl 0:30, bash 0:30 · about 1:00 left\n");
}

BOOST_AUTO_TEST_CASE(uploads_are_named_when_nothing_is_built_any_more) {
    Run run;
    event::PushStarted pushing;
    pushing.path = "/nix/store/1a2b3c4d5f6g7h8j9k0l1m2n3p4q5r6s-hello";
    run.at(0s, pushing);
    event::PushProgress uploaded;
    uploaded.path = pushing.path;
    uploaded.uploaded = 2048;
    run.at(1s, uploaded);
    BOOST_TEST(run.line(5s) == "0 pushed, 2.0 KiB up · pushing hello 0:05\n");
    run.starts(5s, "gcc");
    BOOST_TEST(run.line(6s) == "0 pushed, 2.0 KiB up · building gcc 0:01\n");
}

BOOST_AUTO_TEST_CASE(a_cache_that_is_waited_for_and_the_time_that_is_left_stand_there_too) {
    Run run;
    event::CacheWaiting waiting;
    waiting.cache = "https://demo";
    waiting.waited = 10s;
    run.at(10s, waiting);
    BOOST_TEST(run.line(40s) == "waiting for https://demo 0:40\n");
    auto plan = plan_of(2);
    plan.expected = 600s;
    run.at(40s, plan);
    BOOST_TEST(run.line(40s) == "waiting for https://demo 0:40 · 0 of 2 built · about 10:00 left\n");
    Run verifying;
    verifying.at(0s, event::StageStarted{event::Stage::verify});
    event::TargetVerified verified;
    verified.verdict = event::TargetVerdict::complete;
    verifying.at(0s, verified);
    BOOST_TEST(verifying.line(1s) == "verifying, 1 complete\n");
}

BOOST_AUTO_TEST_SUITE_END()
