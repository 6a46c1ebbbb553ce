#include "report/progress.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace std::chrono_literals;
using event::BuildOutcome;
using event::Stage;
using report::Progress;

namespace {

// A run whose events come at moments that a test names.
struct Run {
    Progress progress;
    Progress::Clock::time_point start{};

    void at(std::chrono::milliseconds moment, const event::Event& event) { progress.apply(event, start + moment); }
    void starts(std::chrono::milliseconds moment, const std::string& name, std::chrono::milliseconds expected = 0ms) {
        event::BuildStarted started;
        started.derivation = "/nix/store/" + name + ".drv";
        started.name = name;
        if (expected > 0ms) started.expected = expected;
        at(moment, started);
    }
    void ends(std::chrono::milliseconds moment, const std::string& name, BuildOutcome outcome = BuildOutcome::built) {
        event::BuildFinished finished;
        finished.derivation = "/nix/store/" + name + ".drv";
        finished.name = name;
        finished.outcome = outcome;
        at(moment, finished);
    }
    void plans(std::chrono::milliseconds moment, std::uint64_t builds, std::chrono::milliseconds expected,
               std::chrono::milliseconds critical_path) {
        event::PlanChanged plan;
        plan.builds = builds;
        plan.expected = expected;
        plan.critical_path = critical_path;
        at(moment, plan);
    }
    void uploads(std::chrono::milliseconds moment, const std::string& path, std::uint64_t bytes) {
        event::PushProgress uploaded;
        uploaded.path = path;
        uploaded.uploaded = bytes;
        at(moment, uploaded);
    }
    void begins_to_push(const std::string& path) {
        event::PushStarted started;
        started.path = path;
        at(0ms, started);
    }
    std::optional<std::chrono::milliseconds> left(std::chrono::milliseconds moment) const {
        return progress.expected_left(start + moment);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(report_progress)

BOOST_AUTO_TEST_CASE(a_stage_runs_from_its_start_to_its_end) {
    Run run;
    BOOST_TEST(!run.progress.is_running(Stage::evaluate));
    BOOST_TEST(!run.progress.has_finished(Stage::evaluate));
    run.at(0s, event::StageStarted{Stage::evaluate});
    BOOST_TEST(run.progress.is_running(Stage::evaluate));
    BOOST_TEST(!run.progress.has_finished(Stage::evaluate));
    run.at(1s, event::StageFinished{Stage::evaluate, 1s});
    BOOST_TEST(!run.progress.is_running(Stage::evaluate));
    BOOST_TEST(run.progress.has_finished(Stage::evaluate));
    BOOST_TEST(!run.progress.is_running(Stage::build));
}

BOOST_AUTO_TEST_CASE(nothing_is_evaluated_any_more_when_that_stage_has_ended) {
    Run run;
    run.at(0s, event::StageStarted{Stage::evaluate});
    run.at(0s, event::EvaluationStarted{"nixos:laptop"});
    run.at(1s, event::StageFinished{Stage::evaluate, 1s});
    BOOST_TEST(run.progress.evaluations.empty());
}

BOOST_AUTO_TEST_CASE(every_way_in_which_a_build_ends_is_counted_once_and_where_it_belongs) {
    struct Row {
        BuildOutcome outcome;
        std::uint64_t built, failed, blocked, cancelled;
    };
    for (const auto& row : {Row{BuildOutcome::built, 1, 0, 0, 0}, Row{BuildOutcome::found, 0, 0, 0, 0},
                            Row{BuildOutcome::failed, 0, 1, 0, 0}, Row{BuildOutcome::timed_out, 0, 1, 0, 0},
                            Row{BuildOutcome::silent, 0, 1, 0, 0}, Row{BuildOutcome::refused, 0, 1, 0, 0},
                            Row{BuildOutcome::cancelled, 0, 0, 0, 1}, Row{BuildOutcome::blocked, 0, 0, 1, 0},
                            Row{BuildOutcome::not_started, 0, 0, 0, 0}, Row{BuildOutcome::elsewhere, 0, 0, 0, 0}}) {
        BOOST_TEST_CONTEXT(event::to_string(row.outcome)) {
            Run run;
            run.starts(0s, "a");
            BOOST_TEST(run.progress.builds.size() == 1U);
            run.ends(1s, "a", row.outcome);
            BOOST_TEST(run.progress.builds.empty());
            BOOST_TEST(run.progress.built == row.built);
            BOOST_TEST(run.progress.failed == row.failed);
            BOOST_TEST(run.progress.blocked == row.blocked);
            BOOST_TEST(run.progress.cancelled == row.cancelled);
            BOOST_TEST(run.progress.builds_ended() == row.built + row.failed + row.blocked + row.cancelled);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_later_plan_does_not_forget_what_was_built_before_it) {
    Run run;
    BOOST_TEST(run.progress.builds_planned() == 0U);
    run.plans(0s, 3, 0ms, 0ms);
    BOOST_TEST(run.progress.builds_planned() == 3U);
    run.ends(1s, "a");
    run.ends(1s, "b");
    BOOST_TEST(run.progress.builds_planned() == 3U);
    run.plans(2s, 5, 0ms, 0ms); // another host: five more than the two that are done
    BOOST_TEST(run.progress.builds_planned() == 7U);
    run.plans(3s, 0, 0ms, 0ms);
    BOOST_TEST(run.progress.builds_planned() == 2U);
}

BOOST_AUTO_TEST_CASE(builds_keep_the_order_in_which_they_started_and_their_last_line) {
    Run run;
    run.starts(0s, "z");
    run.starts(1s, "a");
    const auto& builds = run.progress.builds;
    BOOST_TEST((builds.at("/nix/store/z.drv").order < builds.at("/nix/store/a.drv").order));
    event::BuildLogLine line;
    line.derivation = "/nix/store/z.drv";
    line.line = "  compiling\tx ";
    run.at(2s, line);
    BOOST_TEST(builds.at("/nix/store/z.drv").last_line == "compiling x");
    line.line = "";
    run.at(3s, line); // an empty line says nothing new
    BOOST_TEST(builds.at("/nix/store/z.drv").last_line == "compiling x");
    line.derivation = "/nix/store/unknown.drv";
    run.at(3s, line);
    BOOST_TEST(builds.size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_is_left_is_told_until_the_last_build_ends) {
    Run run;
    BOOST_TEST(!run.left(0s).has_value()); // no plan
    run.plans(0s, 2, 200s, 100s);
    BOOST_TEST((run.left(0s) == 200s));
    run.starts(0s, "a", 100s);
    run.starts(0s, "b", 100s); // two at once
    BOOST_TEST((run.left(0s) == 100s));
    run.ends(90s, "a");
    BOOST_TEST(run.left(90s).has_value());
    run.ends(90s, "b");
    BOOST_TEST(!run.left(90s).has_value());
}

BOOST_AUTO_TEST_CASE(what_goes_up_is_measured_over_the_last_seconds) {
    Run run;
    auto rate = [&](std::chrono::milliseconds moment) { return run.progress.upload_rate(run.start + moment); };
    BOOST_TEST(rate(0s) == 0.0);
    run.begins_to_push("/nix/store/a");
    run.uploads(0s, "/nix/store/a", 1000);
    BOOST_TEST(rate(0s) == 1000.0); // not a thousand in no time
    run.uploads(2s, "/nix/store/a", 3000);
    BOOST_TEST(rate(2s) == 1500.0);
    BOOST_TEST(run.progress.bytes_up == 3000U);
    BOOST_TEST(rate(6s) == 500.0); // the first thousand is too long ago: two thousand in four seconds
    BOOST_TEST(rate(60s) == 0.0);
}

BOOST_AUTO_TEST_CASE(what_is_sent_again_is_counted_as_sent) {
    Run run;
    run.begins_to_push("/nix/store/a");
    run.uploads(1s, "/nix/store/a", 700);
    run.uploads(2s, "/nix/store/a", 0); // from the beginning
    run.uploads(3s, "/nix/store/a", 1000);
    BOOST_TEST(run.progress.bytes_up == 1700U);
    run.uploads(4s, "/nix/store/unknown", 5000);
    BOOST_TEST(run.progress.bytes_up == 1700U);
    BOOST_TEST(run.progress.uploads.at("/nix/store/a").uploaded == 1000U);
}

BOOST_AUTO_TEST_CASE(every_way_in_which_a_push_ends_is_counted) {
    using event::PushOutcome;
    Run run;
    run.begins_to_push("/nix/store/a");
    for (auto outcome : {PushOutcome::published, PushOutcome::already_there, PushOutcome::withheld, PushOutcome::failed,
                         PushOutcome::not_pushed}) {
        event::PushFinished finished;
        finished.path = "/nix/store/a";
        finished.outcome = outcome;
        run.at(1s, finished);
    }
    BOOST_TEST(run.progress.uploads.empty());
    BOOST_TEST(run.progress.pushed == 1U);
    BOOST_TEST(run.progress.already_there == 1U);
    BOOST_TEST(run.progress.not_pushed == 3U);
}

BOOST_AUTO_TEST_CASE(a_wait_is_known_from_its_first_question_to_its_end) {
    using State = event::CacheWaiting::State;
    Run run;
    event::CacheWaiting waiting;
    waiting.cache = "https://demo";
    waiting.said = "connection\nrefused";
    waiting.waited = 3s;
    run.at(10s, waiting);
    BOOST_REQUIRE(run.progress.waits.size() == 1U);
    BOOST_TEST((run.progress.waits.at("https://demo").since == run.start + 7s));
    BOOST_TEST(run.progress.waits.at("https://demo").said == "connection refused");
    for (auto end : {State::back, State::over}) {
        waiting.state = end;
        run.at(11s, waiting);
        BOOST_TEST(run.progress.waits.empty());
        waiting.state = State::waits;
        run.at(12s, waiting);
        BOOST_TEST(run.progress.waits.size() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(hosts_are_counted_as_they_are_found_evaluated_and_verified) {
    Run run;
    run.at(0s, event::TargetsFound{.targets = {"a", "b", "c"}, .skipped = {"d"}});
    for (const auto* name : {"a", "b"}) run.at(1s, event::EvaluationStarted{name});
    BOOST_TEST(run.progress.evaluations.size() == 2U);
    event::EvaluationFinished evaluated;
    evaluated.target = "a";
    evaluated.succeeded = true;
    run.at(2s, evaluated);
    evaluated.target = "b";
    evaluated.succeeded = false;
    run.at(2s, evaluated);
    BOOST_TEST(run.progress.targets == 3U);
    BOOST_TEST(run.progress.evaluated == 1U);
    BOOST_TEST(run.progress.not_evaluated == 1U);
    BOOST_TEST(run.progress.evaluations.empty());
    event::TargetVerified verified;
    verified.verdict = event::TargetVerdict::complete;
    run.at(3s, verified);
    verified.verdict = event::TargetVerdict::by_path;
    run.at(3s, verified);
    BOOST_TEST(run.progress.verified == 2U);
    BOOST_TEST(run.progress.verified_complete == 1U);
    event::QueryProgress asked;
    asked.asked = 40;
    run.at(3s, asked);
    BOOST_TEST(run.progress.paths_asked == 40U);
    event::FetchFinished fetched;
    run.at(3s, fetched);
    fetched.succeeded = true;
    run.at(3s, fetched);
    BOOST_TEST(run.progress.fetched == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
