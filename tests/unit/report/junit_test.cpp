#include "report/junit.hpp"
#include "report/read_back.hpp"
#include "reports.hpp"

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <boost/test/unit_test.hpp>

#include <sstream>

using namespace cachefill;
using namespace cachefill::test;
using Tree = boost::property_tree::ptree;

namespace {

// Suites by name; read by a parser, which refuses what is no XML.
template <class Report> std::map<std::string, Tree> suites_of(const Report& report) {
    std::istringstream text(report::to_junit(report));
    Tree document;
    boost::property_tree::read_xml(text, document);
    std::map<std::string, Tree> suites;
    for (const auto& [tag, suite] : document.get_child("testsuites"))
        if (tag == "testsuite") suites.emplace(suite.template get<std::string>("<xmlattr>.name"), suite);
    return suites;
}

Tree case_of(const Tree& suite, const std::string& name) {
    for (const auto& [tag, test] : suite)
        if (tag == "testcase" && test.get<std::string>("<xmlattr>.name") == name) return test;
    BOOST_FAIL("no case " + name);
    return {};
}

std::string counts(const Tree& suite) {
    return suite.get<std::string>("<xmlattr>.tests") + " " + suite.get<std::string>("<xmlattr>.failures") + " " +
           suite.get<std::string>("<xmlattr>.skipped");
}

} // namespace

BOOST_AUTO_TEST_SUITE(junit)

BOOST_AUTO_TEST_CASE(a_run_without_trouble_is_green) {
    auto suites = suites_of(filled_report());
    BOOST_TEST(counts(suites.at("hosts")) == "2 0 0");
    BOOST_TEST(counts(suites.at("builds")) == "2 0 0");
    BOOST_TEST(counts(suites.at("pushes")) == "0 0 0");
    BOOST_TEST(counts(suites.at("run")) == "1 0 0");
    auto build = case_of(suites.at("builds"), "linux-6.12.4");
    BOOST_TEST(build.get<std::string>("<xmlattr>.classname") == "cachefill.builds.compile");
    BOOST_TEST(build.get<std::string>("<xmlattr>.time") == "65.000");
    BOOST_TEST(suites.at("builds").get<std::string>("<xmlattr>.time") == "130.000");
}

BOOST_AUTO_TEST_CASE(what_failed_is_red_and_says_why) {
    auto report = filled_report();
    report.builds[0].outcome = event::BuildOutcome::failed;
    report.builds[0].error = "exit code 2";
    report.builds[0].log_tail = {"checking", "no rule <to> make \"it\" & so on"};
    report.builds[1].outcome = event::BuildOutcome::blocked;
    report.builds[1].blocked_by = "linux-6.12.4";
    report.pushes[3].outcome = event::PushOutcome::failed;
    report.pushes[3].reason = "413";
    report.targets[0].verdict = event::TargetVerdict::incomplete;
    report.targets[0].missing = {store_path("linux-6.12.4")};
    report.targets[1].verdict = event::TargetVerdict::elsewhere;
    report.exit_code = 1;
    report.causes = {"1 derivation failed"};
    auto suites = suites_of(report);
    BOOST_TEST(counts(suites.at("builds")) == "2 1 1");
    auto failed = case_of(suites.at("builds"), "linux-6.12.4");
    BOOST_TEST(failed.get<std::string>("failure.<xmlattr>.message") == "exit code 2");
    BOOST_TEST(failed.get<std::string>("failure").find("no rule <to> make \"it\" & so on") != std::string::npos);
    BOOST_TEST(case_of(suites.at("builds"), "etc-nixos").get<std::string>("skipped.<xmlattr>.message") ==
               "blocked by linux-6.12.4");
    BOOST_TEST(counts(suites.at("hosts")) == "2 1 1");
    BOOST_TEST(case_of(suites.at("hosts"), "nixos:nas").get<std::string>("failure") == store_path("linux-6.12.4"));
    BOOST_TEST(counts(suites.at("pushes")) == "1 1 0");
    auto whole = case_of(suites.at("run"), "run team");
    BOOST_TEST(whole.get<std::string>("failure.<xmlattr>.message") == "exit code 1");
    BOOST_TEST(whole.get<std::string>("failure") == "1 derivation failed");
}

BOOST_AUTO_TEST_CASE(a_run_that_could_not_begin_is_red) {
    report::RunReport report;
    report.exit_code = 5;
    report.causes = {"no Nix here"};
    BOOST_TEST(counts(suites_of(report).at("run")) == "1 1 0");
}

BOOST_AUTO_TEST_CASE(a_host_that_does_not_evaluate_says_where_it_fails) {
    auto report = warm_report();
    report.targets[0].verdict = event::TargetVerdict::not_evaluated;
    report.targets[0].error = "undefined variable 'pkg'";
    report.targets[0].hint = "at flake.nix:3";
    auto failed = case_of(suites_of(report).at("hosts"), "nixos:nas");
    BOOST_TEST(failed.get<std::string>("failure") == "undefined variable 'pkg'\nat flake.nix:3");
}

BOOST_AUTO_TEST_CASE(text_of_others_makes_no_broken_document) {
    auto report = filled_report();
    report.builds[0].outcome = event::BuildOutcome::failed;
    report.builds[0].log_tail = {"bell\a", "\x1b[31mred", "half \xC3", "none \xEF\xBF\xBF", "]]>", "<!-- -->"};
    auto text = report::to_junit(report);
    for (char c : text) BOOST_TEST((static_cast<unsigned char>(c) >= 0x20 || c == '\n'));
    BOOST_TEST(text.find("\xEF\xBF\xBF") == std::string::npos);
    BOOST_TEST(counts(suites_of(report).at("builds")) == "2 1 0");
}

BOOST_AUTO_TEST_CASE(of_several_jobs_each_has_its_suites_and_what_never_reported_is_red) {
    auto failed = filled_report();
    failed.exit_code = 1;
    failed.causes = {"1 build failed"};
    failed.builds[0].outcome = event::BuildOutcome::failed;
    failed.builds[0].error = "exit code 2";
    failed.builds[0].log_tail = {"no rule"};
    failed.pushes[3].outcome = event::PushOutcome::withheld;
    failed.pushes[3].reason = "a private source";
    failed.targets[0].verdict = event::TargetVerdict::incomplete;
    failed.targets[1].evaluate_only = true;
    report::JoinInput input;
    for (const auto& [name, report] : {std::pair("x86", failed), std::pair("arm", filled_report())}) {
        input.reports.push_back(report::parse_job_report(report::to_json(report), name).value());
        input.reports.back().document = report::to_json(report);
    }
    report::JobReport unreadable;
    unreadable.name = "odd";
    unreadable.exit_code = 1;
    unreadable.causes = {"its report cannot be read"};
    input.reports.push_back(unreadable);
    input.expected = {"mac"};
    auto suites = suites_of(report::join_reports(input));
    BOOST_TEST(suites.size() == 8U);
    // What stands in a report alone stands here, too, but for the run's own suite.
    auto alone = suites_of(failed);
    for (const auto* suite : {"hosts", "builds", "pushes"})
        BOOST_TEST(counts(suites.at(std::string("x86: ") + suite)) == counts(alone.at(suite)), suite);
    auto build = case_of(suites.at("x86: builds"), "linux-6.12.4");
    BOOST_TEST(build.get<std::string>("<xmlattr>.classname") == "cachefill.x86.builds.compile");
    BOOST_TEST(build.get<std::string>("<xmlattr>.time") == "65.000");
    BOOST_TEST(build.get<std::string>("failure.<xmlattr>.message") == "exit code 2");
    BOOST_TEST(build.get<std::string>("failure").ends_with("\nno rule"));
    BOOST_TEST(counts(suites.at("arm: builds")) == "2 0 0");
    BOOST_TEST(counts(suites.at("jobs")) == "4 3 0");
    BOOST_TEST(case_of(suites.at("jobs"), "x86").get<std::string>("failure") == "1 build failed");
    BOOST_TEST(case_of(suites.at("jobs"), "odd").get<std::string>("failure") == "its report cannot be read");
    BOOST_TEST(case_of(suites.at("jobs"), "mac").get<std::string>("failure.<xmlattr>.message") == "it never reported");
    auto whole = case_of(suites.at("report"), "report").get<std::string>("failure");
    BOOST_TEST(whole.find("'mac' never reported") != std::string::npos);

    input.reports.resize(2);
    input.reports.erase(input.reports.begin());
    input.expected.clear();
    suites = suites_of(report::join_reports(input));
    BOOST_TEST(counts(suites.at("jobs")) == "1 0 0");
    BOOST_TEST(counts(suites.at("report")) == "1 0 0");
}

BOOST_AUTO_TEST_CASE(a_report_that_is_read_back_shows_the_same_suites) {
    auto report = filled_report();
    report.targets[0].error = "undefined variable";
    report.targets[1].is_check = true;
    report.builds[1].outcome = event::BuildOutcome::blocked;
    report.builds[1].blocked_by = "linux-6.12.4";
    report.pushes[0].outcome = event::PushOutcome::failed;
    report.pushes[0].reason = "413";
    auto suites = suites_of(report), again = suites_of(report::read_back(report::to_json(report)));
    for (const auto* name : {"hosts", "builds", "pushes"}) BOOST_TEST((suites.at(name) == again.at(name)), name);
}

BOOST_AUTO_TEST_CASE(a_report_of_another_machine_with_odd_values_is_read_as_far_as_it_makes_sense) {
    report::JoinInput input;
    report::JobReport job;
    job.document = R"({"targets": [3, {"name": 7, "verdict": "odd"}], "builds": {"a": 1}, "pushes": [null, {}],
        "took_ms": 18446744073709551615})";
    input.reports = {job};
    job.document = R"({"builds": [{"name": "a", "outcome": "built", "took_ms": 18446744073709551615},
        {"name": "b", "outcome": "built", "took_ms": 18446744073709551615}]})";
    job.name = "large";
    input.reports.push_back(job);
    auto suites = suites_of(report::join_reports(std::move(input)));
    BOOST_TEST(counts(suites.at("large: builds")) == "2 0 0");
    BOOST_TEST(!suites.at("large: builds").get<std::string>("<xmlattr>.time").starts_with("-"));
}

BOOST_AUTO_TEST_SUITE_END()
