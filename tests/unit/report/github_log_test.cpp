#include "captured_stream.hpp"
#include "report/github_log.hpp"
#include "reports.hpp"
#include "support/runner_scanner.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

struct Log {
    explicit Log(bool quiet = false, bool verbose = false) {
        report::DisplaySettings settings;
        settings.quiet = quiet;
        settings.verbose = verbose;
        settings.stream = captured.stream();
        log = report::make_github_log(settings);
    }
    void on(const event::Event& event) { log->on_event(event); }
    const RunnerScanner& seen() {
        auto fresh = captured.take();
        text += fresh;
        scanner.read(fresh);
        return scanner;
    }

    CapturedStream captured;
    std::unique_ptr<report::GithubLog> log;
    RunnerScanner scanner;
    std::string text;
};

event::BuildFinished failed_build(const std::string& name, std::vector<std::string> tail) {
    event::BuildFinished finished;
    finished.derivation = store_path(name + ".drv");
    finished.name = name;
    finished.outcome = event::BuildOutcome::failed;
    finished.took = 75s;
    finished.error = "builder failed with exit code 2\nsecond line";
    finished.targets = {"nixos:nas"};
    finished.log_tail = std::move(tail);
    return finished;
}

event::EvaluationFinished failed_evaluation(const std::string& file) {
    event::EvaluationFinished finished;
    finished.target = "nixos:web";
    finished.error = "… while calling\nerror: attribute 'foo' missing\n  at hosts/web.nix:12:5";
    finished.position = event::Position{.file = file, .line = 12, .column = 5};
    return finished;
}

const std::vector<std::string> hostile_lines{"##[error]fake",
                                             "::error::fake",
                                             "  ::set-output name=built::999",
                                             "::add-mask::a",
                                             "::stop-commands::x",
                                             "::x::",
                                             "\x1b[31m::warning::fake\x1b[0m",
                                             "text ##[group]open",
                                             std::string(10 << 20, 'z') + "##[error]",
                                             "\xff\xfe::notice::fake",
                                             "::endgroup::",
                                             "%0A::error::fake"};

// Only what the log itself says has an effect, whatever builders print.
void check_untouched(const RunnerScanner& seen) {
    for (const auto& command : seen.commands) {
        BOOST_TEST((command.name == "group" || command.name == "endgroup" || command.name == "error"), command.name);
        BOOST_TEST(command.data != "fake");
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(github_log)

BOOST_AUTO_TEST_CASE(stages_are_groups_that_are_closed_at_the_end) {
    Log log;
    log.on(event::StageStarted{event::Stage::preflight});
    log.on(event::TargetsFound{.targets = {"nixos:nas"}, .skipped = {}});
    log.on(event::StageStarted{event::Stage::evaluate});
    event::EvaluationFinished evaluated;
    evaluated.target = "nixos:nas";
    evaluated.succeeded = true;
    log.on(evaluated);
    log.on(event::StageFinished{event::Stage::evaluate, 3s});
    log.on(event::StageStarted{event::Stage::verify});
    log.log->conclude("the end\n");
    const auto& seen = log.seen();
    std::vector<std::string> titles;
    for (const auto& command : seen.commands)
        if (command.name == "group") titles.push_back(command.data);
    // A stage with nothing to tell is no group.
    BOOST_TEST(titles.size() == 2U);
    BOOST_TEST(seen.open_groups == 0);
    BOOST_TEST(seen.text.back() == "the end");
}

BOOST_AUTO_TEST_CASE(an_evaluation_error_is_annotated_at_its_place) {
    Log log;
    log.on(failed_evaluation("hosts/web.nix"));
    auto seen = log.seen();
    BOOST_REQUIRE(seen.annotations.size() == 1U);
    BOOST_TEST(seen.annotations[0].properties["file"] == "hosts/web.nix");
    BOOST_TEST(seen.annotations[0].properties["line"] == "12");
    BOOST_TEST(seen.annotations[0].properties["col"] == "5");
    BOOST_TEST(seen.annotations[0].properties["title"] == "nixos:web does not evaluate");
    BOOST_TEST(seen.annotations[0].data.starts_with("error: attribute 'foo' missing"));
}

BOOST_AUTO_TEST_CASE(a_place_outside_of_the_flake_is_no_file_of_the_repository) {
    Log log;
    log.on(failed_evaluation("/nix/store/abc-nixpkgs/lib/modules.nix"));
    auto seen = log.seen();
    BOOST_REQUIRE(seen.annotations.size() == 1U);
    BOOST_TEST(!seen.annotations[0].properties.contains("file"));
}

BOOST_AUTO_TEST_CASE(each_failed_derivation_is_one_annotation_with_the_end_of_its_log) {
    Log log;
    std::vector<std::string> tail;
    for (int i = 0; i < 100; ++i) tail.push_back("line " + std::to_string(i) + std::string(400, '.'));
    tail.back() = "configure: error: no compiler";
    log.on(failed_build("firefox-141.0", tail));
    event::BuildFinished blocked;
    blocked.name = "system";
    blocked.outcome = event::BuildOutcome::blocked;
    blocked.blocked_by = "firefox-141.0";
    log.on(blocked);
    auto seen = log.seen();
    BOOST_REQUIRE(seen.annotations.size() == 1U);
    BOOST_TEST(seen.annotations[0].data.ends_with("configure: error: no compiler"));
    BOOST_TEST(seen.annotations[0].data.find("needed by nixos:nas") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(nothing_a_builder_prints_has_an_effect) {
    for (bool verbose : {false, true}) {
        Log log(false, verbose);
        log.on(event::StageStarted{event::Stage::evaluate});
        for (const auto& line : hostile_lines) log.on(event::BuildLogLine{store_path("evil.drv"), line});
        auto finished = failed_build("evil", hostile_lines);
        finished.error = "::error::fake\n##[error]fake";
        log.on(finished);
        auto evaluation = failed_evaluation("x.nix");
        evaluation.error = "::warning::fake\n##[warning]fake";
        log.on(evaluation);
        log.on(event::Message{event::Severity::error, "::set-env name=a::fake\n::notice::fake", "##[debug]fake"});
        std::string text;
        for (const auto& line : hostile_lines) text += line + "\n";
        log.log->conclude(text + "last of all\n");
        const auto& seen = log.seen();
        check_untouched(seen);
        BOOST_TEST(seen.open_groups == 0);
        BOOST_TEST(seen.annotations.size() == 3U);
        BOOST_TEST(seen.text.back() == "last of all");
        BOOST_TEST(log.text.size() < 200'000U); // ten megabytes came in, many times
    }
}

BOOST_AUTO_TEST_CASE(foreign_blocks_stand_where_commands_are_off) {
    Log log;
    log.on(failed_evaluation("x.nix"));
    auto text = log.captured.take();
    auto stop = text.find("::stop-commands::");
    BOOST_REQUIRE(stop != std::string::npos);
    BOOST_TEST(stop < text.find("attribute 'foo' missing"));
    BOOST_TEST(text.find("attribute 'foo' missing") < text.find("::error file=x.nix"));
}

BOOST_AUTO_TEST_CASE(a_hundred_failures_do_not_flood) {
    Log log;
    for (int i = 0; i < 100; ++i) log.on(failed_build("package-" + std::to_string(i), {"a", "b"}));
    log.log->conclude("");
    const auto& seen = log.seen();
    BOOST_REQUIRE(seen.annotations.size() == 10U);
    BOOST_TEST(seen.annotations.back().data.find("91") != std::string::npos);
    auto shown =
        std::count_if(seen.commands.begin(), seen.commands.end(), [](const auto& c) { return c.name == "error"; });
    BOOST_TEST(shown == 10);
}

BOOST_AUTO_TEST_CASE(warnings_are_annotated_and_notices_are_lines) {
    Log log;
    log.on(event::Message{event::Severity::warning, "the cache is slow", "wait"});
    log.on(event::Message{event::Severity::notice, "a key was made", ""});
    auto seen = log.seen();
    BOOST_REQUIRE(seen.annotations.size() == 1U);
    BOOST_TEST(seen.annotations[0].name == "warning");
    BOOST_TEST(seen.annotations[0].data == "the cache is slow\nwait");
    BOOST_TEST(seen.text.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
