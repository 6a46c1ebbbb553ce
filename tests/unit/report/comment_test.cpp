#include "golden_text.hpp"
#include "report/comment.hpp"
#include "reports.hpp"

#include <boost/test/unit_test.hpp>

#include <regex>

using namespace cachefill;
using namespace cachefill::test;
using event::Severity;
using report::to_comment;

namespace {

report::ClosureDifference difference_of(std::size_t packages) {
    report::ClosureDifference difference;
    for (std::size_t i = 0; i < packages; ++i)
        difference.changed.push_back(
            {.name = "package-" + std::to_string(i), .before = {"1"}, .after = {"2"}, .grew_by = 1 << 20, .size = 0});
    return difference;
}

report::Joined joined_of(std::vector<report::JobReport> jobs) {
    report::JoinInput input;
    input.reports = std::move(jobs);
    return report::join_reports(std::move(input));
}

report::JobReport job_of(const report::RunReport& run, const std::string& name = "x86_64-linux") {
    return report::parse_job_report(report::to_json(run), name).value();
}

report::CommentPlace somewhere() {
    report::CommentPlace place;
    place.commit = "0123456789abcdef0123456789abcdef01234567";
    place.run_url = "https://github.com/o/r/actions/runs/7";
    return place;
}

} // namespace

BOOST_AUTO_TEST_SUITE(comment)

BOOST_AUTO_TEST_CASE(it_tells_jobs_findings_and_what_changed) {
    auto run = filled_report();
    run.exit_code = 1;
    run.targets[0].changes = difference_of(2);
    run.targets[1].changes = report::ClosureDifference();
    run.targets[1].verdict = event::TargetVerdict::incomplete;
    run.builds[0].outcome = event::BuildOutcome::failed;
    run.builds[0].error = "exit code 2 | @octo";
    auto joined = joined_of({job_of(run)});
    auto place = somewhere();
    place.is_foreign = true;
    check_golden("comment.md", to_comment(joined, place));
    BOOST_TEST(is_worth_a_comment(joined));
}

BOOST_AUTO_TEST_CASE(where_nothing_changed_there_is_nothing_to_begin_one_with) {
    auto run = warm_report();
    run.messages = {{Severity::warning, "nixos:nas needed --impure", "say so"}};
    auto unknown = joined_of({job_of(run)});
    BOOST_TEST(!is_worth_a_comment(unknown));
    BOOST_TEST(to_comment(unknown, {}).find("changed") == std::string::npos);
    BOOST_TEST(to_comment(unknown, {}).find("--impure") == std::string::npos);
    run.targets[0].changes = report::ClosureDifference();
    auto same = joined_of({job_of(run)});
    BOOST_TEST(!is_worth_a_comment(same));
    BOOST_TEST(to_comment(same, {}).ends_with("No package changed since these hosts were complete last."));
    run.targets[0].changes->rebuilt = 1;
    BOOST_TEST(is_worth_a_comment(joined_of({job_of(run)})));
    auto input = report::JoinInput();
    input.expected = {"lost"};
    BOOST_TEST(is_worth_a_comment(report::join_reports(std::move(input))));
}

// Without what stands between backticks and in <code> there is only our own text left.
BOOST_AUTO_TEST_CASE(text_of_reports_stands_in_code_alone) {
    const std::string evil =
        "x` |<img src=y>@octo #1 o/r#2 GH-3 [a](https://b) *c*\n# heading\n::error::d </code></summary>";
    auto run = filled_report();
    run.exit_code = 1;
    run.causes = {evil};
    run.builds[0].outcome = event::BuildOutcome::failed;
    run.builds[0].name = run.builds[0].error = evil;
    run.targets[0].name = evil;
    run.targets[0].changes = difference_of(1);
    run.targets[0].changes->changed[0].name = evil;
    run.targets[0].changes->changed[0].after = {evil};
    run.targets[1].error = evil;
    auto joined = joined_of({job_of(run, evil)});
    joined.never_reported = {evil};
    joined.findings.push_back(
        {.severity = Severity::error, .source = evil, .title = evil, .text = evil, .url = "https://b"});
    auto text = to_comment(joined, somewhere());
    BOOST_TEST(text.find("@octo") != std::string::npos);
    auto own = std::regex_replace(text, std::regex("<code>[^<]*</code>"), "");
    own = std::regex_replace(own, std::regex("(`+)([^`]|[^`]`[^`])*[^`]\\1(?!`)"), "");
    for (const auto* part : {"octo", "img", "#1", "GH-3", "https://b", "heading", "error::"})
        BOOST_TEST(own.find(part) == std::string::npos, part << " in " << own);
    BOOST_TEST(own.find("[the run](https://github.com/o/r/actions/runs/7)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(it_stays_below_githubs_limit_whatever_reports_hold) {
    auto run = filled_report();
    run.exit_code = 1;
    auto target = run.targets[0];
    target.changes = difference_of(500);
    run.targets.assign(100, target);
    for (int i = 0; i < 100; ++i)
        run.targets[static_cast<std::size_t>(i)].name = std::string(300, 'h') + std::to_string(i);
    auto failed = run.builds[0];
    failed.outcome = event::BuildOutcome::failed;
    failed.error = std::string(5000, '`');
    run.builds.assign(500, failed);
    for (int i = 0; i < 500; ++i) run.builds[static_cast<std::size_t>(i)].name = "build-" + std::to_string(i);
    std::vector<report::JobReport> jobs;
    for (int i = 0; i < 300; ++i)
        jobs.push_back(job_of(i == 0 ? run : filled_report(), std::string(200, 'j') + std::to_string(i)));
    auto text = to_comment(joined_of(std::move(jobs)), somewhere());
    BOOST_TEST(text.size() <= 60'000U);
    BOOST_TEST(text.find("more jobs") != std::string::npos);
    BOOST_TEST(text.find("more findings") != std::string::npos);
    BOOST_TEST(text.find("more, which the JSON report lists") != std::string::npos);
    BOOST_TEST(text.ends_with("[the run](https://github.com/o/r/actions/runs/7)</sub>"));
}

BOOST_AUTO_TEST_SUITE_END()
