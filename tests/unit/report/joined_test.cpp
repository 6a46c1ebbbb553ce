#include "base/clock_moment.hpp"
#include "report/joined.hpp"
#include "report/joined_hosts.hpp"
#include "report/what_changed.hpp"
#include "reports.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using event::BuildOutcome;
using event::Severity;
using report::Finding;
using report::JobReport;
using report::JoinInput;

namespace {

JobReport job_of(report::RunReport run, const std::string& name = "x86_64-linux") {
    return report::parse_job_report(report::to_json(run), name).value();
}

report::RunReport failed_run() {
    auto run = warm_report();
    run.exit_code = 1;
    run.causes = {"1 build failed: firefox-141.0"};
    run.targets[0].verdict = event::TargetVerdict::incomplete;
    run.targets[0].missing = {store_path("firefox-141.0")};
    run.builds.push_back(build("firefox-141.0", event::BuildOutcome::failed));
    run.builds.back().error = "exit code 2";
    run.builds.push_back(build("hello-2.12", event::BuildOutcome::built));
    run.pushes.push_back(push("hello-2.12", event::PushOutcome::published));
    return run;
}

report::ClosureDifference updated_closure() {
    report::ClosureDifference difference;
    difference.changed = {{.name = "firefox", .before = {"141.0"}, .after = {"142.0"}, .grew_by = 3 << 20, .size = 0}};
    difference.came = {{.name = "unit-nginx.service", .before = {}, .after = {""}, .grew_by = 900, .size = 0}};
    difference.rebuilt = 40;
    difference.grew_by = -(31 << 20);
    return difference;
}

JoinInput input_of(std::vector<JobReport> jobs) {
    JoinInput input;
    input.reports = std::move(jobs);
    return input;
}

bool has_finding(const std::vector<Finding>& findings, Severity severity, const std::string& words) {
    return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
        return finding.severity == severity && (finding.title + ": " + finding.text).find(words) != std::string::npos;
    });
}

} // namespace

BOOST_AUTO_TEST_SUITE(joined)

BOOST_AUTO_TEST_CASE(a_clean_run_has_nothing_to_say) {
    auto joined = report::join_reports(input_of({job_of(warm_report())}));
    BOOST_TEST(joined.exit_code == 0);
    BOOST_TEST((joined.worst() == Severity::info));
    BOOST_TEST(joined.headline() == "all 2 targets complete");
}

BOOST_AUTO_TEST_CASE(a_failed_build_and_what_is_missing_are_named_and_their_sum_is_not_told_again) {
    auto job = job_of(failed_run());
    BOOST_TEST(job.complete == 1U);
    BOOST_TEST(job.targets == 2U);
    BOOST_TEST(job.built == 1U);
    BOOST_TEST(job.failed == 1U);
    BOOST_TEST(job.pushed == 1U);
    BOOST_TEST(
        has_finding(job.findings, Severity::error, "firefox-141.0 does not build: exit code 2; needed by nixos:nas"));
    BOOST_TEST(has_finding(job.findings, Severity::error, "nixos:nas is not complete: 1 path missing: firefox-141.0"));
    BOOST_TEST(!has_finding(job.findings, Severity::error, "1 build failed"));
    auto joined = report::join_reports(input_of({job}));
    BOOST_TEST(joined.exit_code == 1);
    BOOST_TEST(joined.headline() == "1 of 2 targets complete, 2 errors");
}

// Whatever kind of failure it was, somebody is told.
BOOST_AUTO_TEST_CASE(each_outcome_and_each_verdict_is_counted_for_what_it_is) {
    using event::BuildOutcome;
    for (auto outcome :
         {BuildOutcome::built, BuildOutcome::found, BuildOutcome::failed, BuildOutcome::timed_out, BuildOutcome::silent,
          BuildOutcome::refused, BuildOutcome::cancelled, BuildOutcome::blocked, BuildOutcome::not_started}) {
        auto run = warm_report();
        run.exit_code = 1;
        run.builds.push_back(build("firefox-141.0", outcome));
        auto job = job_of(run);
        BOOST_TEST(job.built == (outcome == BuildOutcome::built ? 1U : 0U));
        BOOST_TEST(job.failed == (event::is_failure(outcome) ? 1U : 0U), event::to_string(outcome));
        auto words = "firefox-141.0 " + std::string(event::failure_in_words(outcome));
        BOOST_TEST(has_finding(job.findings, Severity::error, words) == event::is_failure(outcome));
    }
    using event::TargetVerdict;
    const std::map<TargetVerdict, std::pair<unsigned, unsigned>> counted{
        {TargetVerdict::complete, {2, 2}},      {TargetVerdict::by_path, {2, 2}},   {TargetVerdict::incomplete, {1, 2}},
        {TargetVerdict::not_evaluated, {1, 2}}, {TargetVerdict::elsewhere, {1, 1}}, {TargetVerdict::unknown, {1, 2}}};
    for (const auto& [verdict, numbers] : counted) {
        auto run = warm_report();
        run.targets[0].verdict = verdict;
        auto job = job_of(run);
        BOOST_TEST((std::pair(job.complete, job.targets) == std::pair<std::uint64_t, std::uint64_t>(numbers)),
                   event::to_string(verdict));
    }
    auto run = warm_report();
    run.targets[0].verdict = TargetVerdict::by_path;
    run.targets[0].built_by_all = {"settings.json"};
    BOOST_TEST(has_finding(job_of(run).findings, Severity::warning,
                           "is complete by path only: whoever evaluates it builds settings.json"));
}

BOOST_AUTO_TEST_CASE(the_causes_are_told_when_no_list_tells_them) {
    report::RunReport run;
    run.exit_code = 5;
    run.causes = {"the cache cannot be reached"};
    auto job = job_of(run);
    BOOST_TEST(has_finding(job.findings, Severity::error, "the cache cannot be reached"));
}

BOOST_AUTO_TEST_CASE(what_fail_on_leaves_out_is_a_warning_and_no_failure) {
    auto run = failed_run();
    run.exit_code = 0;
    auto joined = report::join_reports(input_of({job_of(run)}));
    BOOST_TEST(joined.exit_code == 0);
    BOOST_TEST((joined.worst() == Severity::warning));
}

BOOST_AUTO_TEST_CASE(stopping_at_the_deadline_warns_and_being_interrupted_is_a_notice) {
    auto run = warm_report();
    run.exit_code = 4;
    run.causes = {"stopped at the deadline"};
    run.targets[0].verdict = event::TargetVerdict::incomplete;
    BOOST_TEST((report::join_reports(input_of({job_of(run)})).worst() == Severity::warning));
    run = warm_report();
    run.exit_code = 130;
    run.causes = {"interrupted"};
    auto joined = report::join_reports(input_of({job_of(run)}));
    BOOST_TEST((joined.worst() == Severity::notice));
    BOOST_TEST(joined.exit_code == 130);
}

BOOST_AUTO_TEST_CASE(what_a_run_warns_of_each_time_never_sends_by_itself) {
    auto run = warm_report();
    run.messages = {{Severity::warning, "nixos:nas needed --impure", "say so"}};
    run.targets[0].trusted = false;
    run.targets[0].trust_advice = {"a line"};
    auto joined = report::join_reports(input_of({job_of(run)}));
    BOOST_TEST(has_finding(joined.findings, Severity::info, "needed --impure"));
    BOOST_TEST(has_finding(joined.findings, Severity::info, "does not trust this cache: a line"));
    BOOST_TEST((joined.worst() == Severity::info));
}

BOOST_AUTO_TEST_CASE(targets_of_systems_that_only_others_have_do_not_count) {
    auto run = warm_report();
    run.targets[1].verdict = event::TargetVerdict::elsewhere;
    BOOST_TEST(job_of(run).targets == 1U);
    run.targets[1].error = "attribute missing";
    auto job = job_of(run);
    BOOST_TEST(job.targets == 2U);
    BOOST_TEST(has_finding(job.findings, Severity::warning, "does not evaluate: attribute missing"));
}

BOOST_AUTO_TEST_CASE(a_host_that_every_job_leaves_to_another_is_named) {
    auto with = [](event::TargetVerdict verdict, bool is_only_evaluated) {
        auto run = warm_report();
        run.targets[1].name = "nixos:arm";
        run.targets[1].system = "aarch64-linux";
        run.targets[1].verdict = verdict;
        run.targets[1].evaluate_only = is_only_evaluated;
        return run;
    };
    using event::TargetVerdict;
    auto leaves = job_of(with(TargetVerdict::elsewhere, false), "x"),
         leaves_too = job_of(with(TargetVerdict::elsewhere, false), "y"),
         fills = job_of(with(TargetVerdict::complete, false), "arm"),
         evaluates = job_of(with(TargetVerdict::unknown, true), "z");
    auto left = report::join_reports(input_of({leaves, leaves_too}));
    BOOST_TEST(left.exit_code == 0);
    BOOST_TEST(left.headline() == "1 of 2 targets complete, 1 warning");
    BOOST_TEST(report::hosts_of_nobody(left.jobs).size() == 1U);
    BOOST_TEST(has_finding(left.findings, Severity::warning, "no job builds nixos:arm: it is for aarch64-linux; "));
    for (const auto& text : {report::to_json(left), report::to_text(left), report::to_markdown(left)})
        BOOST_TEST(text.find("nixos:arm") != std::string::npos, text);
    BOOST_TEST(report::join_reports(input_of({leaves, evaluates})).count(Severity::warning) == 1U);
    for (const auto& jobs : {std::vector{leaves, fills}, std::vector{fills, leaves_too}}) {
        auto joined = report::join_reports(input_of(jobs));
        BOOST_TEST(joined.findings.empty());
        BOOST_TEST(joined.headline() == "all 2 targets complete");
    }
    auto asked = report::join_reports(input_of({evaluates, evaluates}));
    BOOST_TEST((asked.worst() == Severity::info));
    BOOST_TEST(
        has_finding(asked.findings, Severity::info, "1 host evaluated only, and built by no job, as asked: nixos:arm"));
    auto newer = with(TargetVerdict::elsewhere, false);
    newer.superseded_by = "https://github.com/kim/nix/actions/runs/8";
    BOOST_TEST((report::join_reports(input_of({job_of(newer)})).worst() == Severity::info));
}

BOOST_AUTO_TEST_CASE(a_job_that_never_reported_is_an_error_and_globs_are_met_by_one) {
    auto input = input_of({job_of(warm_report(), "x86_64-linux"), job_of(warm_report(), "aarch64-linux")});
    input.expected = {"*-linux", "aarch64-darwin"};
    auto joined = report::join_reports(std::move(input));
    BOOST_TEST(joined.never_reported == std::vector<std::string>{"aarch64-darwin"}, boost::test_tools::per_element());
    BOOST_TEST(joined.exit_code == 1);
    BOOST_TEST(has_finding(joined.findings, Severity::error, "'aarch64-darwin' never reported"));
}

BOOST_AUTO_TEST_CASE(needed_jobs_count_unless_their_own_report_tells_why) {
    auto needs = report::parse_needs(R"({"build": {"result": "failure", "outputs": {}},
        "lint": {"result": "cancelled", "outputs": {"findings": "{}"}}, "docs": {"result": "skipped", "outputs": {}},
        "plan": {"result": "success", "outputs": {}}})");
    BOOST_REQUIRE(needs.has_value());
    auto input = input_of({job_of(warm_report(), "build")});
    input.needs = *needs;
    auto joined = report::join_reports(input);
    BOOST_TEST(has_finding(joined.findings, Severity::error, "'build' ended with failure"));
    BOOST_TEST(has_finding(joined.findings, Severity::warning, "'lint' was cancelled"));
    BOOST_TEST(has_finding(joined.findings, Severity::notice, "'docs' was skipped"));
    BOOST_TEST(!has_finding(joined.findings, Severity::info, "plan"));
    BOOST_TEST(joined.exit_code == 1);

    input.reports = {job_of(failed_run(), "build-x86_64-linux")};
    joined = report::join_reports(input);
    BOOST_TEST(!has_finding(joined.findings, Severity::error, "'build' ended with"));
}

BOOST_AUTO_TEST_CASE(a_failed_leg_of_a_matrix_explains_the_only_job_that_failed_but_not_two) {
    auto input = input_of({job_of(failed_run(), "aarch64-darwin"), job_of(warm_report(), "x86_64-linux")});
    using report::JobResult;
    input.needs = {{.name = "build", .result = JobResult::failed, .result_word = "failure", .findings = {}},
                   {.name = "lint", .result = JobResult::success, .result_word = "success", .findings = {}}};
    BOOST_TEST(!has_finding(report::join_reports(input).findings, Severity::error, "ended with"));
    input.needs[1].result = JobResult::failed;
    input.needs[1].result_word = "failure";
    auto joined = report::join_reports(input);
    BOOST_TEST(has_finding(joined.findings, Severity::error, "'lint' ended with failure"));
    BOOST_TEST(has_finding(joined.findings, Severity::error, "'build' ended with failure"));
}

BOOST_AUTO_TEST_CASE(an_error_of_several_lines_is_one_sentence_without_their_margins) {
    auto run = warm_report();
    run.exit_code = 1;
    run.targets[0].verdict = event::TargetVerdict::not_evaluated;
    run.targets[0].error = "an unfree license\n\n   a) To allow it:";
    auto text = report::to_text(report::join_reports(input_of({job_of(run, "build")})));
    BOOST_TEST(text.find("error: build: nixos:nas does not evaluate: an unfree license a) To allow it:") !=
                   std::string::npos,
               text);
}

BOOST_AUTO_TEST_CASE(what_changed_in_each_host_is_carried_on) {
    auto run = warm_report();
    run.targets[1].changes = report::ClosureDifference();
    run.targets[0].changes = updated_closure();
    auto joined = report::join_reports(input_of({job_of(run, "a"), job_of(run, "b"), job_of(warm_report(), "c")}));
    auto json = nlohmann::json::parse(report::to_json(joined));
    BOOST_TEST(json["jobs"][2]["changes"].empty());
    BOOST_REQUIRE(json["jobs"][0]["changes"].size() == 2U);
    auto of_host = json["jobs"][0]["changes"][0];
    BOOST_TEST(of_host["target"].get<std::string>() == run.targets[0].name);
    of_host.erase("target");
    BOOST_TEST(of_host == nlohmann::json(report::changes_json(updated_closure())));

    const auto line = run.targets[0].name +
                      ": 1 package changed, 1 came, 40 rebuilt, -31.0 MiB: firefox 141.0 → 142.0, "
                      "unit-nginx.service came\n";
    auto text = report::to_text(joined);
    BOOST_TEST(text.find("\nchanges:\n" + line) != std::string::npos, text);
    BOOST_TEST(text.find(run.targets[1].name) == std::string::npos);
    auto markdown = report::to_markdown(joined);
    auto section =
        markdown.find("\n### What changed\n\n<details><summary><code>" + run.targets[0].name + "</code>: 1 ");
    BOOST_REQUIRE(section != std::string::npos);
    // Two jobs looked at it.
    BOOST_TEST(markdown.find("<details>", section + 30) == std::string::npos);
    BOOST_TEST(report::to_markdown(joined, markdown.size()).size() <= markdown.size());

    auto same = report::join_reports(input_of({job_of(warm_report())}));
    BOOST_TEST(report::to_text(same).find("changes:") == std::string::npos);
    BOOST_TEST(report::to_markdown(same).find("What changed") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_run_that_made_way_for_a_newer_one_sends_nothing) {
    auto run = failed_run();
    run.exit_code = 0;
    run.superseded_by = "https://github.com/kim/nix/actions/runs/8";
    auto joined = report::join_reports(input_of({job_of(run)}));
    BOOST_TEST((joined.worst() == Severity::info));
    BOOST_TEST(has_finding(joined.findings, Severity::info, "a newer run waited"));
}

BOOST_AUTO_TEST_CASE(the_exit_code_is_the_first_in_the_documented_order) {
    auto with = [](std::vector<int> codes) {
        std::vector<JobReport> jobs;
        for (int code : codes) {
            auto run = warm_report();
            run.exit_code = code;
            jobs.push_back(job_of(run));
        }
        return report::join_reports(input_of(std::move(jobs))).exit_code;
    };
    BOOST_TEST(with({0, 0}) == 0);
    BOOST_TEST(with({0, 1, 4}) == 4);
    BOOST_TEST(with({3, 4}) == 3);
    BOOST_TEST(with({3, 130}) == 130);
    BOOST_TEST(with({143, 130}) == 130);
    BOOST_TEST(with({130, 5}) == 5);
    BOOST_TEST(with({5, 2}) == 2);
}

BOOST_AUTO_TEST_CASE(findings_of_other_tools_are_told_but_change_no_exit_code) {
    auto input = input_of({job_of(warm_report())});
    input.findings = report::parse_findings(R"({"schema_version": 1, "source": "dead-code", "findings": [
        {"severity": "info", "title": "unused"}, {"severity": "error", "title": "broken", "text": "a", "url": "https://x"}]})",
                                            "file")
                         .value();
    auto joined = report::join_reports(input);
    BOOST_TEST(joined.exit_code == 0);
    BOOST_TEST((joined.worst() == Severity::error));
    BOOST_TEST(joined.findings[0].source == "dead-code");
    BOOST_TEST(joined.findings[0].title == "broken");
}

BOOST_AUTO_TEST_CASE(no_text_of_others_shows_a_login) {
    const std::string address = "https://kim:s3cret@e.example/x?token=s3cret";
    auto document = nlohmann::json{{"schema_version", 1}, {"source", address}};
    auto finding = nlohmann::json{{"severity", "error"}, {"title", address}, {"text", address}, {"url", address}};
    document["findings"] = nlohmann::json::array({std::move(finding)});
    JoinInput input;
    input.findings = report::parse_findings(document.dump(), "file").value();
    input.needs = report::parse_needs(R"({")" + address + R"(": {"result": ")" + address + R"("}})").value();
    auto joined = report::join_reports(input);
    for (const auto& text : {report::to_json(joined), report::to_text(joined), report::to_markdown(joined)})
        BOOST_TEST(text.find("s3cret") == std::string::npos, text);
}

BOOST_AUTO_TEST_CASE(a_finding_leads_to_pages_only) {
    const std::pair<const char*, const char*> table[] = {
        {"https://e.example/a?ref=main", "https://e.example/a?ref=main"},
        {"HTTP://e.example/a", "HTTP://e.example/a"},
        {"https://e.example/a?panel=3#b", "https://e.example/a"},
        {"https://kim@e.example/a", ""},
        {"javascript:alert(1)", ""},
        {"data:text/html,x", ""},
        {"https://e.example/a b", ""},
        {"https://e.example/\\\"onmouseover=alert(1)", ""},
        {"https://", ""},
    };
    for (const auto& [given, shown] : table) {
        auto list = R"({"schema_version": 1, "findings": [{"severity": "info", "title": "t", "url": ")" +
                    std::string(given) + R"("}]})";
        BOOST_TEST(report::parse_findings(list, "x").value().at(0).url == shown);
    }
}

BOOST_AUTO_TEST_CASE(a_target_of_which_nothing_is_known_is_not_green) {
    for (const auto* target : {R"({"name": "nixos:desk"})", R"({"name": "nixos:desk", "verdict": "splendid"})", "5"}) {
        auto job = report::parse_job_report(R"({"schema_version": 1, "exit_code": 0, "command": "run", "targets": [)" +
                                                std::string(target) + "]}",
                                            "x");
        BOOST_REQUIRE(job.has_value());
        auto joined = report::join_reports(input_of({*job}));
        BOOST_TEST(joined.exit_code == 1, target);
        BOOST_TEST((joined.worst() == Severity::error), target);
    }
    auto run = warm_report();
    run.targets[0].verdict = event::TargetVerdict::unknown; // what fail-on left out
    auto joined = report::join_reports(input_of({job_of(run)}));
    BOOST_TEST(joined.exit_code == 0);
    BOOST_TEST((joined.worst() == Severity::warning));
}

BOOST_AUTO_TEST_CASE(the_same_finding_of_the_same_source_is_told_once) {
    auto input = input_of({});
    Finding finding{.severity = Severity::notice, .source = "a", .title = "b", .text = "c", .url = {}};
    input.findings = {finding, finding};
    input.findings.push_back(finding);
    input.findings.back().source = "other";
    BOOST_TEST(report::join_reports(input).findings.size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_is_no_report_is_refused_with_what_is_wrong) {
    auto refused = [](const char* text) {
        auto job = report::parse_job_report(text, "x");
        BOOST_REQUIRE(!job);
        return job.error().cause();
    };
    BOOST_TEST(refused("").find("not a JSON object") != std::string::npos);
    BOOST_TEST(refused("[]").find("not a JSON object") != std::string::npos);
    BOOST_TEST(refused("{}").find("no schema_version") != std::string::npos);
    BOOST_TEST(refused(R"({"schema_version": 2, "exit_code": 0})").find("reads version 1") != std::string::npos);
    BOOST_TEST(refused(R"({"schema_version": 1})").find("no exit_code") != std::string::npos);
    for (const std::string name : {"targets", "builds", "pushes", "causes", "messages"})
        for (const std::string value : {R"({"h": {"verdict": "incomplete"}})", "\"h\"", "1", "null"}) {
            auto text = R"({"schema_version": 1, "exit_code": 0, ")" + name + "\": " + value + "}";
            BOOST_TEST(refused(text.c_str()).find("its " + name + " are no list") != std::string::npos, text);
        }
    BOOST_TEST(
        !report::parse_findings(R"({"schema_version": 1, "findings": [{"severity": "loud", "title": "x"}]})", "s"));
    BOOST_TEST(!report::parse_findings(R"({"schema_version": 1, "findings": [{"severity": "error"}]})", "s"));
    BOOST_TEST(!report::parse_needs(R"({"build": "success"})"));
}

BOOST_AUTO_TEST_CASE(an_exit_code_that_no_process_ends_with_makes_no_report) {
    for (const char* code :
         {"-1", "256", "65536", "4294967296", "9223372036854775808", "18446744073709551616", "0.0"}) {
        auto text = R"({"schema_version":1,"command":"run","exit_code":)" + std::string(code) + "}";
        BOOST_TEST(!report::parse_job_report(text, "x").has_value(), code);
    }
    BOOST_TEST(report::parse_job_report(R"({"schema_version":1,"command":"run","exit_code":255})", "x")->exit_code ==
               255);
}

BOOST_AUTO_TEST_CASE(fields_of_other_types_are_read_as_empty) {
    auto job = report::parse_job_report(
        R"({"schema_version": 1, "exit_code": 0, "targets": [{"name": 7, "missing": "x"}, 5], "builds": [{}], "causes": [1]})",
        "x");
    BOOST_REQUIRE(job.has_value());
    BOOST_TEST(job->causes.empty());
}

BOOST_AUTO_TEST_CASE(when_a_job_and_its_builds_ran_is_read) {
    auto run = failed_run();
    run.started = "2026-11-30T12:00:00Z";
    run.builds = {build("firefox", BuildOutcome::failed), build("never", BuildOutcome::not_started)};
    run.builds[0].start = 1500ms;
    run.builds[0].took = 20s;
    auto job = job_of(run);
    BOOST_TEST((job.started == parse_utc("2026-11-30T12:00:00Z")));
    BOOST_TEST_REQUIRE(job.builds.size() == 1U);
    BOOST_TEST(job.builds[0].name == "firefox");
    BOOST_TEST((job.builds[0].outcome == BuildOutcome::failed));
    BOOST_TEST((job.builds[0].start == 1500ms && job.builds[0].took == 20s));
    run.started = "at noon";
    BOOST_TEST(!job_of(run).started);
}

BOOST_AUTO_TEST_CASE(markdown_shows_foreign_text_as_text_and_stays_below_its_limit) {
    auto input = input_of({job_of(warm_report())});
    for (int i = 0; i < 50; ++i)
        input.findings.push_back({.severity = Severity::error,
                                  .source = "s|" + std::to_string(i),
                                  .title = "<script> @everyone **bold** [x](http://y)\n# heading",
                                  .text = std::string(500, 'x'),
                                  .url = "javascript:alert(1)"});
    auto joined = report::join_reports(input);
    auto text = report::to_markdown(joined, 10'000);
    BOOST_TEST(text.size() <= 10'000U);
    BOOST_TEST(text.find("<script>") == std::string::npos);
    BOOST_TEST(text.find("@everyone") == std::string::npos);
    BOOST_TEST(text.find("**bold**") == std::string::npos);
    BOOST_TEST(text.find("[x](") == std::string::npos);
    BOOST_TEST(text.find("\n# heading") == std::string::npos);
    BOOST_TEST(text.find("javascript:") == std::string::npos);
    BOOST_TEST(text.find(" more\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_a_report_names_begins_no_line_of_ours) {
    auto run = failed_run();
    const std::string evil = "nas\nok: all done\r\nok: next\u2028ok: x";
    run.causes = {evil};
    run.targets[0].name = run.targets[0].error = run.builds.back().name = evil;
    run.targets[0].changes = updated_closure();
    run.targets[0].changes->changed[0].name = evil;
    for (auto& build : run.builds) build.name = build.error = evil, build.targets = {evil};
    auto input = input_of({job_of(run, evil)});
    input.findings.push_back(
        {.severity = Severity::error, .source = evil, .title = evil, .text = evil, .url = "https://x\nok: y"});
    input.expected = {evil + "*"};
    auto joined = report::join_reports(std::move(input));
    for (const auto& text : {report::to_text(joined), joined.headline()}) {
        BOOST_TEST(text.find("\nok") == std::string::npos, text);
        BOOST_TEST(text.find("\u2028") == std::string::npos, text);
    }
    for (const auto& job : joined.jobs)
        for (const auto& finding : job.findings)
            BOOST_TEST((finding.source + finding.title + finding.text).find('\n') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_joined_json_holds_everything_the_text_tells) {
    auto input = input_of({job_of(failed_run())});
    input.expected = {"gone"};
    input.place = {.repository = "o/r", .branch = "main", .commit = "abc", .workflow = "w", .run_url = "https://run"};
    auto joined = report::join_reports(input);
    auto json = nlohmann::json::parse(report::to_json(joined));
    BOOST_TEST(json["schema_version"] == 1);
    BOOST_TEST(json["exit_code"] == 1);
    BOOST_TEST(json["severity"] == "error");
    BOOST_TEST(json["headline"] == joined.headline());
    BOOST_TEST(json["never_reported"][0] == "gone");
    BOOST_TEST(json["jobs"][0]["name"] == "x86_64-linux");
    BOOST_TEST(json["jobs"][0]["missing"] == 1);
    BOOST_TEST(json["findings"].size() == joined.findings.size());
    BOOST_TEST(json["run_url"] == "https://run");
}

BOOST_AUTO_TEST_SUITE_END()
