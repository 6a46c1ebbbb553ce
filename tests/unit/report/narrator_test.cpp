#include "report/narrator.hpp"
#include "reports.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using event::BuildOutcome;
using event::PushOutcome;
using event::Severity;
using report::Narrator;
using report::Voice;

namespace {

std::string told(Voice voice, const event::Event& event, bool whole_logs = false,
                 const report::Progress& progress = {}) {
    Narrator narrator(voice, report::Style(false), whole_logs, "nix log");
    return narrator.tell(event, progress);
}

event::BuildFinished build_ended(BuildOutcome outcome, std::chrono::milliseconds took = 1s) {
    event::BuildFinished finished;
    finished.derivation = store_path("hello-2.12.drv");
    finished.name = "hello-2.12";
    finished.outcome = outcome;
    finished.took = took;
    finished.error = "builder failed with exit code 2\nmore of it";
    return finished;
}

event::PushFinished push_ended(PushOutcome outcome) {
    event::PushFinished finished;
    finished.path = store_path("hello-2.12");
    finished.outcome = outcome;
    finished.reason = "the cache said no";
    finished.nar_size = 2048;
    finished.file_size = 1024;
    finished.took = 1500ms;
    return finished;
}

} // namespace

BOOST_AUTO_TEST_SUITE(report_narrator)

BOOST_AUTO_TEST_CASE(how_much_is_said_follows_the_voice) {
    struct Row {
        Severity severity;
        bool quiet, normal, verbose;
    };
    for (const auto& row : {Row{Severity::info, false, false, true}, Row{Severity::notice, false, true, true},
                            Row{Severity::warning, true, true, true}, Row{Severity::error, true, true, true}}) {
        event::Message message{.severity = row.severity, .text = "something\n", .hint = "do this\n"};
        auto expected = std::string(event::to_string(row.severity)) + ": something\n  hint: do this\n";
        BOOST_TEST(told(Voice::quiet, message) == (row.quiet ? expected : ""));
        BOOST_TEST(told(Voice::normal, message) == (row.normal ? expected : ""));
        BOOST_TEST(told(Voice::verbose, message) == (row.verbose ? expected : ""));
    }
}

BOOST_AUTO_TEST_CASE(a_build_is_worth_a_line_when_it_took_its_time) {
    BOOST_TEST(told(Voice::normal, build_ended(BuildOutcome::built, 9999ms)) == "");
    BOOST_TEST(told(Voice::normal, build_ended(BuildOutcome::built, 65s)) == "built     hello-2.12  1 min 05 s\n");
    BOOST_TEST(told(Voice::quiet, build_ended(BuildOutcome::built, 65s)) == "");
    BOOST_TEST(told(Voice::verbose, build_ended(BuildOutcome::built, 1s)) == "built     hello-2.12  1.0 s\n");
    for (auto outcome :
         {BuildOutcome::found, BuildOutcome::cancelled, BuildOutcome::not_started, BuildOutcome::elsewhere}) {
        BOOST_TEST(told(Voice::normal, build_ended(outcome)) == "");
        BOOST_TEST(told(Voice::verbose, build_ended(outcome)).find("hello-2.12") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(a_failed_build_is_told_by_every_voice) {
    for (auto voice : {Voice::quiet, Voice::normal, Voice::verbose}) {
        BOOST_TEST(told(voice, build_ended(BuildOutcome::failed)) ==
                   "failed    hello-2.12 after 1.0 s\n  builder failed with exit code 2\n  | more of it\n");
        BOOST_TEST(told(voice, build_ended(BuildOutcome::timed_out)).starts_with("timed out hello-2.12 after"));
        BOOST_TEST(told(voice, build_ended(BuildOutcome::silent)).starts_with("silent"));
        BOOST_TEST(told(voice, build_ended(BuildOutcome::refused)) ==
                   "refused   hello-2.12\n  builder failed with exit code 2\n  | more of it\n"); // it took no time
    }
}

BOOST_AUTO_TEST_CASE(in_a_log_the_last_lines_of_a_build_come_with_its_failure) {
    auto failed = build_ended(BuildOutcome::failed);
    failed.log_tail = {"checking for cc... no", "", "error: no compiler"};
    BOOST_TEST(told(Voice::normal, failed, true) ==
               "failed    hello-2.12 after 1.0 s\n"
               "  | builder failed with exit code 2\n  | more of it\n"
               "  last 3 log lines:\n  | checking for cc... no\n  |\n  | error: no compiler\n"
               "  all of it: nix log " +
                   failed.derivation + "\n");
    auto refused = build_ended(BuildOutcome::refused);
    BOOST_TEST(told(Voice::normal, refused, true).ends_with("  it is " + refused.derivation + "\n"));
    auto elsewhere = build_ended(BuildOutcome::failed);
    elsewhere.failed_elsewhere = true; // the log is not on this machine
    BOOST_TEST(told(Voice::normal, elsewhere, true).ends_with("  it is " + elsewhere.derivation + "\n"));
    BOOST_TEST(told(Voice::normal, elsewhere, true).find(" after ") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_a_failure_blocks_is_counted_and_told_once) {
    Narrator narrator(Voice::normal, report::Style(false), false, "nix log");
    report::Progress progress;
    auto blocked = build_ended(BuildOutcome::blocked);
    for (const auto* by : {"gcc-14", "gcc-14", "zlib-1"}) {
        blocked.blocked_by = by;
        BOOST_TEST(narrator.tell(blocked, progress) == "");
    }
    BOOST_TEST(narrator.tell_rest() == "blocked   2 builds by gcc-14\nblocked   1 build by zlib-1\n");
    BOOST_TEST(narrator.tell_rest() == "");
    Narrator quiet(Voice::quiet, report::Style(false), false, "nix log");
    BOOST_TEST(quiet.tell(blocked, progress) == "");
    BOOST_TEST(quiet.tell_rest() == "");
    BOOST_TEST(told(Voice::verbose, blocked) == "blocked   hello-2.12 by zlib-1\n");
}

BOOST_AUTO_TEST_CASE(what_did_not_go_up_is_told_and_what_did_only_on_demand) {
    auto path = store_path("hello-2.12");
    for (auto voice : {Voice::quiet, Voice::normal, Voice::verbose}) {
        BOOST_TEST(told(voice, push_ended(PushOutcome::failed)) == "not up    " + path + ": the cache said no\n");
        BOOST_TEST(told(voice, push_ended(PushOutcome::withheld)) == "withheld  " + path + ": the cache said no\n");
    }
    for (auto outcome : {PushOutcome::published, PushOutcome::already_there, PushOutcome::not_pushed}) {
        BOOST_TEST(told(Voice::quiet, push_ended(outcome)) == "");
        BOOST_TEST(told(Voice::normal, push_ended(outcome)) == "");
        BOOST_TEST(told(Voice::verbose, push_ended(outcome)) != "");
    }
    BOOST_TEST(told(Voice::verbose, push_ended(PushOutcome::published)) ==
               "pushed    hello-2.12  2.0 KiB, 1.0 KiB compressed, 1.5 s\n");
}

BOOST_AUTO_TEST_CASE(an_evaluation_says_how_it_went_and_where_it_broke) {
    event::EvaluationFinished evaluated;
    evaluated.target = "nixos:nas";
    evaluated.succeeded = true;
    evaluated.took = 12s;
    BOOST_TEST(told(Voice::quiet, evaluated) == "");
    BOOST_TEST(told(Voice::normal, evaluated) == "evaluated nixos:nas  12.0 s\n");
    evaluated.impure = true;
    evaluated.built_by_evaluation = 2;
    BOOST_TEST(told(Voice::normal, evaluated) ==
               "evaluated nixos:nas  12.0 s, needed --impure, 2 builds by evaluation itself\n");
    evaluated.needs_system = "aarch64-linux";
    BOOST_TEST(told(Voice::normal, evaluated) == "elsewhere nixos:nas  to evaluate it takes a aarch64-linux machine\n");
    evaluated.succeeded = false;
    evaluated.error = "error: attribute 'x' missing\n";
    evaluated.hint = "spell it\nright";
    evaluated.position = event::Position{.file = "hosts/nas.nix", .line = 12, .column = 5};
    BOOST_TEST(told(Voice::quiet, evaluated) == "error: nixos:nas does not evaluate: hosts/nas.nix:12:5\n"
                                                "  | error: attribute 'x' missing\n  hint: spell it right\n");
}

BOOST_AUTO_TEST_CASE(a_wait_is_told_at_its_beginning_and_at_its_end) {
    using State = event::CacheWaiting::State;
    event::CacheWaiting waiting;
    waiting.cache = "https://demo";
    waiting.said = "connection refused";
    waiting.patience = 10min;
    waiting.waited = 30s;
    report::Progress progress;
    BOOST_TEST(told(Voice::normal, waiting, false, progress) ==
               "notice: waiting for https://demo, at most 10 min 00 s: connection refused\n");
    progress.apply(waiting, {});
    BOOST_TEST(told(Voice::normal, waiting, false, progress) == "");
    waiting.state = State::back;
    BOOST_TEST(told(Voice::normal, waiting, false, progress) == "notice: https://demo answers again, after 30.0 s\n");
    waiting.state = State::over;
    BOOST_TEST(told(Voice::quiet, waiting, false, progress) ==
               "warning: https://demo could not be asked: connection refused\n");
}

BOOST_AUTO_TEST_CASE(what_the_cloud_does_is_told_to_a_log_when_it_changes) {
    event::CloudWaiting waiting{"the run 'Fill' #3 is running: 1 of 2 jobs done", 90s};
    report::Progress progress;
    BOOST_TEST(told(Voice::normal, waiting, true, progress) ==
               "notice: waiting: the run 'Fill' #3 is running: 1 of 2 jobs done\n");
    progress.apply(waiting, {});
    waiting.running = 105s;
    BOOST_TEST(told(Voice::normal, waiting, true, progress) == "");
    BOOST_TEST(told(Voice::normal, waiting, false, {}) == ""); // the live block has it
}

BOOST_AUTO_TEST_CASE(lines_of_a_log_bear_the_name_of_their_build) {
    event::BuildLogLine line;
    line.derivation = store_path("hello-2.12.drv");
    line.line = "compiling";
    BOOST_TEST(told(Voice::normal, line) == "");
    BOOST_TEST(told(Voice::verbose, line) == "hello-2.12> compiling\n");
    report::Progress progress;
    event::BuildStarted started;
    started.derivation = line.derivation;
    started.name = "hello";
    progress.apply(started, {});
    BOOST_TEST(told(Voice::verbose, line, false, progress) == "hello> compiling\n");
}

BOOST_AUTO_TEST_CASE(what_else_is_told) {
    event::FetchFinished fetched;
    fetched.path = store_path("hello-2.12");
    fetched.error = "404\nnot found";
    BOOST_TEST(told(Voice::normal, fetched) == "no fetch  hello-2.12: 404 not found\n");
    BOOST_TEST(told(Voice::quiet, fetched) == "");
    fetched.succeeded = true;
    BOOST_TEST(told(Voice::verbose, fetched) == "");
    BOOST_TEST(told(Voice::verbose, event::StageFinished{event::Stage::verify, 2s}) == "stage     verify  2.0 s\n");
    BOOST_TEST(told(Voice::normal, event::StageFinished{event::Stage::verify, 2s}) == "");
    event::TargetVerified verified;
    verified.target = "nixos:nas";
    verified.verdict = event::TargetVerdict::complete;
    verified.closure_paths = 1;
    verified.closure_bytes = 1024;
    BOOST_TEST(told(Voice::verbose, verified) == "verified  nixos:nas  complete, 1 path, 1.0 KiB\n");
    BOOST_TEST(told(Voice::normal, verified) == "");
}

BOOST_AUTO_TEST_CASE(foreign_lines_cannot_be_taken_for_ours) {
    BOOST_TEST(report::fenced("") == "");
    BOOST_TEST(report::fenced("\n\n") == "");
    BOOST_TEST(report::fenced("error: x\n\nwarning: y  \n") == "  | error: x\n  |\n  | warning: y\n");
}

BOOST_AUTO_TEST_CASE(what_steers_a_terminal_is_in_no_message) {
    const std::string hostile = "a\x1b[2Jb\rc\x07";
    auto is_plain = [](const std::string& text) {
        return text.find_first_of("\x1b\r\x07") == text.npos && !text.starts_with("::") &&
               text.find("\n::") == text.npos && text.find("\u202e") == text.npos;
    };
    auto text = hostile + "\n::error::x\u202e";
    event::Message message{.severity = event::Severity::warning, .text = text, .hint = text};
    BOOST_TEST(is_plain(told(Voice::normal, message)), told(Voice::normal, message));
    event::EvaluationFinished evaluation;
    evaluation.target = "flake:" + text;
    evaluation.error = text;
    evaluation.hint = text;
    evaluation.position = event::Position{.file = text, .line = 1, .column = 1};
    BOOST_TEST(is_plain(told(Voice::normal, evaluation)), told(Voice::normal, evaluation));
    evaluation.succeeded = true;
    BOOST_TEST(is_plain(told(Voice::normal, evaluation)), told(Voice::normal, evaluation));
    event::BuildFinished build;
    build.outcome = event::BuildOutcome::failed;
    build.name = text;
    build.error = text;
    BOOST_TEST(is_plain(told(Voice::normal, build)), told(Voice::normal, build));
}

BOOST_AUTO_TEST_CASE(a_position_is_told_as_far_as_it_is_known) {
    BOOST_TEST(report::to_string(event::Position{.file = "a.nix", .line = 3, .column = 4}) == "a.nix:3:4");
    BOOST_TEST(report::to_string(event::Position{.file = "a.nix", .line = 3, .column = 0}) == "a.nix:3");
    BOOST_TEST(report::to_string(event::Position{.file = "a.nix", .line = 0, .column = 4}) == "a.nix");
}

BOOST_AUTO_TEST_SUITE_END()
