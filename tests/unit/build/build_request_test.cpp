#include "build/build_record.hpp"
#include "build/build_request.hpp"
#include "build/log_tail.hpp"
#include "chain.hpp"
#include "support/hand_clock.hpp"
#include "support/run_task.hpp"
#include "support/store_connection.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using build::BuildRequest;
using daemon::BuildResult;
using daemon::BuildStatus;
using daemon::LogEvent;
using event::BuildOutcome;
using How = BuildRequest::Ending::How;

namespace {

BuildResult result(const nix::StorePath& derivation, BuildStatus status, std::string said = {}) {
    BuildResult answer;
    answer.derived_path = derivation.to_string() + "!*";
    answer.status = status;
    answer.error_message = std::move(said);
    return answer;
}

// One request, and a daemon of which a test says what it tells and answers.
struct Scene {
    Chain chain;
    HandClock clock;
    StoreConnection::Infos infos;
    StoreConnection connection{infos};
    build::BuildLimits limits;
    std::vector<std::string> started, lines;

    nix::StorePath drv(plan::DerivationId id) const { return chain.graph.derivation(id).path; }
    void tell(LogEvent::Kind kind, plan::DerivationId id, const std::string& text = {}) {
        LogEvent log;
        log.kind = kind;
        log.path = drv(id);
        log.text = text;
        connection.tell(log);
    }
    std::vector<BuildRequest::Ending> run(std::vector<plan::DerivationId> ids,
                                          std::function<Result<std::vector<BuildResult>>()> build) {
        connection.on_build = [build](const std::vector<daemon::DerivedPath>&) { return build(); };
        build::BuildListener listener{
            .on_started = [this](plan::DerivationId id) { started.emplace_back(chain.graph.derivation(id).name()); },
            .on_log_line = [this](plan::DerivationId, const std::string& line) { lines.push_back(line); }};
        std::vector<BuildRequest::Ending> endings;
        auto body = [&](async::Executor) -> async::Task<void> {
            BuildRequest request(chain.graph, clock, ids, limits, listener);
            endings = co_await request.run(connection);
        };
        run_task<void>(body);
        return endings;
    }
    BuildRequest::Ending run_a(std::function<Result<std::vector<BuildResult>>()> build) {
        return run({chain.a}, std::move(build)).at(0);
    }
    // Answered like this, after the daemon said that it builds, or without.
    BuildOutcome outcome(BuildStatus status, bool daemon_began) {
        return run_a([&, status, daemon_began] {
                   if (daemon_began) tell(LogEvent::Kind::build_started, chain.a);
                   return std::vector{result(drv(chain.a), status)};
               })
            .record.outcome;
    }
};

using Names = std::vector<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(build_request, Scene)

BOOST_AUTO_TEST_CASE(what_a_status_comes_to_depends_on_whether_the_daemon_began) {
    struct Row {
        BuildStatus status;
        BuildOutcome began, never_began;
    };
    for (const auto& row : {Row{BuildStatus::built, BuildOutcome::built, BuildOutcome::built},
                            Row{BuildStatus::already_valid, BuildOutcome::built, BuildOutcome::found},
                            Row{BuildStatus::substituted, BuildOutcome::built, BuildOutcome::found},
                            Row{BuildStatus::resolves_to_already_valid, BuildOutcome::built, BuildOutcome::found},
                            Row{BuildStatus::permanent_failure, BuildOutcome::failed, BuildOutcome::failed},
                            Row{BuildStatus::misc_failure, BuildOutcome::failed, BuildOutcome::failed},
                            Row{BuildStatus::input_rejected, BuildOutcome::failed, BuildOutcome::refused}}) {
        BOOST_TEST((outcome(row.status, true) == row.began), daemon::to_string(row.status));
        BOOST_TEST((outcome(row.status, false) == row.never_began), daemon::to_string(row.status));
    }
}

BOOST_AUTO_TEST_CASE(who_is_alone_has_started_and_of_several_who_the_daemon_says) {
    run_a([&] { return std::vector{result(drv(chain.a), BuildStatus::built)}; });
    BOOST_TEST((started == Names{"a"}));
    started.clear();
    run({chain.a, chain.d}, [&] {
        BOOST_TEST(started.empty());
        tell(LogEvent::Kind::build_started, chain.d);
        tell(LogEvent::Kind::build_started, chain.c); // not ours
        return std::vector{result(drv(chain.a), BuildStatus::already_valid), result(drv(chain.d), BuildStatus::built)};
    });
    BOOST_TEST((started == Names{"d"}));
}

BOOST_AUTO_TEST_CASE(a_build_knows_its_outputs_and_how_long_it_took) {
    auto ending = run_a([&] {
        tell(LogEvent::Kind::build_started, chain.a);
        clock.advance(90s);
        return std::vector{result(drv(chain.a), BuildStatus::built)};
    });
    BOOST_TEST((ending.how == How::ended));
    BOOST_TEST((ending.record.took == 90s));
    BOOST_TEST((ending.record.outputs == std::vector{path_of('6', "a")}));
    BOOST_TEST(ending.record.error == "");
    BOOST_TEST(ending.record.log_tail.empty());
}

BOOST_AUTO_TEST_CASE(a_failure_comes_with_its_reason_and_the_end_of_its_log) {
    auto ending = run_a([&] {
        for (int i = 0; i < 60; ++i) tell(LogEvent::Kind::build_log_line, chain.a, "line " + std::to_string(i));
        tell(LogEvent::Kind::build_log_line, chain.b, "of another");
        auto said = "Cannot build '" + drv(chain.a).to_string() + "'.\nReason: builder failed with exit code 2.\nmore";
        return std::vector{result(drv(chain.a), BuildStatus::permanent_failure, said)};
    });
    BOOST_TEST(ending.record.error == "builder failed with exit code 2.\nmore");
    BOOST_TEST(ending.record.log_tail.size() == 50U);
    BOOST_TEST(ending.record.log_tail.front() == "line 10");
    BOOST_TEST(lines.size() == 60U);
    BOOST_TEST(!ending.record.disk_was_full);
    auto wordless = run_a([&] { return std::vector{result(drv(chain.a), BuildStatus::dependency_failed)}; });
    BOOST_TEST(wordless.record.error == daemon::to_string(BuildStatus::dependency_failed));
}

BOOST_AUTO_TEST_CASE(the_end_of_a_log_is_recorded_once) {
    const std::string said =
        "builder failed with exit code 3;\nlast 1 log lines:\n> no libfoo\nFor full logs, run 'nix log x'.";
    auto told = run_a([&] {
        tell(LogEvent::Kind::build_log_line, chain.a, "configuring");
        tell(LogEvent::Kind::build_log_line, chain.a, "no libfoo");
        return std::vector{result(drv(chain.a), BuildStatus::permanent_failure, said)};
    });
    BOOST_TEST(told.record.error == "builder failed with exit code 3");
    BOOST_TEST((told.record.log_tail == Names{"configuring", "no libfoo"}));
    auto untold = run_a([&] { return std::vector{result(drv(chain.a), BuildStatus::permanent_failure, said)}; });
    BOOST_TEST((untold.record.log_tail == Names{"no libfoo"}));
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_no_fault_of_the_derivation) {
    auto ending = run_a([&] {
        tell(LogEvent::Kind::build_log_line, chain.a, "ld: final link failed: No space left on device");
        return std::vector{result(drv(chain.a), BuildStatus::permanent_failure, "builder failed")};
    });
    BOOST_TEST(ending.record.disk_was_full);
}

BOOST_AUTO_TEST_CASE(a_limit_is_told_by_what_the_build_did_and_not_by_the_daemons_words) {
    limits = {.silence = 60s, .time = 3600s};
    auto end = [&](std::chrono::milliseconds talking) {
        return run_a([&, talking] {
            tell(LogEvent::Kind::build_started, chain.a);
            clock.advance(talking);
            tell(LogEvent::Kind::build_log_line, chain.a, "still here");
            clock.advance(talking < 1h ? 60s : 1s);
            return std::vector{result(drv(chain.a), BuildStatus::timed_out, "timed out")};
        });
    };
    BOOST_TEST((end(10s).record.outcome == BuildOutcome::silent));
    BOOST_TEST((end(1h).record.outcome == BuildOutcome::timed_out));
    BOOST_TEST(end(10s).record.error.find("--max-silent") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_gets_no_result_has_failed) {
    auto endings = run({chain.a, chain.d}, [&] { return std::vector{result(drv(chain.a), BuildStatus::built)}; });
    for (const auto& ending : endings)
        BOOST_TEST(
            (ending.record.outcome == (ending.derivation == chain.a ? BuildOutcome::built : BuildOutcome::failed)));
}

BOOST_AUTO_TEST_CASE(a_request_that_fails_as_a_whole_is_somebodys_fault_only_when_he_was_alone) {
    auto refuse = [] { return Failure(FailureKind::store, "no such attribute").with_context("building x"); };
    auto alone = run_a(refuse);
    BOOST_TEST((alone.how == How::ended));
    BOOST_TEST((alone.record.outcome == BuildOutcome::refused));
    BOOST_TEST(alone.record.error == "no such attribute");
    for (const auto& ending : run({chain.a, chain.d}, refuse)) BOOST_TEST((ending.how == How::ask_alone));
}

BOOST_AUTO_TEST_CASE(a_daemon_that_ended_under_one_build_is_told_apart) {
    auto hang_up = [&]() -> Result<std::vector<BuildResult>> {
        connection.failure = Failure(FailureKind::store, "the daemon hung up");
        return *connection.failure;
    };
    auto alone = run_a(hang_up);
    BOOST_TEST((alone.how == How::daemon_gone));
    BOOST_TEST((alone.record.outcome == BuildOutcome::failed));
    connection.failure.reset();
    for (const auto& ending : run({chain.a, chain.d}, hang_up)) BOOST_TEST((ending.how == How::ask_alone));
}

BOOST_AUTO_TEST_CASE(of_a_log_the_end_is_kept_in_lines_and_in_width) {
    build::LogTail tail;
    BOOST_TEST(tail.last() == "");
    tail.add(std::string(5000, 'x'));
    BOOST_TEST(tail.last().size() == 2000U);
    for (int i = 0; i < 50; ++i) tail.add(std::to_string(i));
    BOOST_TEST(tail.lines().size() == 50U);
    BOOST_TEST(tail.lines().front() == "0");
    BOOST_TEST(tail.last() == "49");
}

BOOST_AUTO_TEST_SUITE_END()
