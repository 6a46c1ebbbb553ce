#include "base/clock_moment.hpp"
#include "report/time_line.hpp"
#include "reports.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using event::BuildOutcome;
using event::Stage;

namespace {

report::RunReport run_of(std::chrono::milliseconds took) {
    report::RunReport report;
    report.took = took;
    report.stages = {{Stage::query, 5s, 65s}, {Stage::build, 60s, 10s}, {Stage::evaluate, 10s, 0s}};
    return report;
}

report::BuildReport build_at(const std::string& name, std::chrono::milliseconds start, std::chrono::milliseconds took,
                             BuildOutcome outcome = BuildOutcome::built) {
    auto made = build(name, outcome);
    made.start = start;
    made.took = took;
    return made;
}

std::size_t lines_with(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

} // namespace

BOOST_AUTO_TEST_SUITE(report_time_line)

BOOST_AUTO_TEST_CASE(a_short_run_and_one_without_stages_have_no_chart) {
    BOOST_TEST(report::time_line(run_of(4999ms)) == "");
    report::RunReport bare;
    bare.took = 1h;
    BOOST_TEST(report::time_line(bare) == "");
    BOOST_TEST(report::time_line(run_of(5s)) != "");
}

BOOST_AUTO_TEST_CASE(stages_stand_in_the_order_in_which_they_began) {
    BOOST_TEST(report::time_line(run_of(70s)) == "gantt\n    dateFormat x\n    axisFormat %M:%S\n    section Stages\n"
                                                 "    evaluate :done, 0, 10000ms\n    build :done, 10000, 60000ms\n"
                                                 "    query :done, 65000, 5000ms\n");
    BOOST_TEST(report::time_line(run_of(1h)).find("axisFormat %H:%M\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(builds_show_when_they_ran_and_how_they_ended) {
    auto report = run_of(100s);
    report.builds = {build_at("late", 50s, 20s),
                     build_at("broken", 20s, 30s, BuildOutcome::failed),
                     build_at("slow", 10s, 60s, BuildOutcome::timed_out),
                     build_at("mute", 11s, 60s, BuildOutcome::silent),
                     build_at("stopped", 12s, 40s, BuildOutcome::cancelled),
                     build("never", BuildOutcome::not_started)};
    auto chart = report::time_line(report);
    BOOST_TEST(chart.ends_with("    section Builds\n"
                               "    slow :crit, 10000, 60000ms\n"
                               "    mute :crit, 11000, 60000ms\n"
                               "    stopped :active, 12000, 40000ms\n"
                               "    broken :crit, 20000, 30000ms\n"
                               "    late :50000, 20000ms\n"));
}

BOOST_AUTO_TEST_CASE(of_many_builds_the_longest_are_shown) {
    auto report = run_of(1000s);
    for (int i = 0; i < 30; ++i)
        report.builds.push_back(
            build_at("b" + std::to_string(100 + i), std::chrono::seconds(i), std::chrono::seconds(100 + i)));
    auto chart = report::time_line(report);
    BOOST_TEST(chart.find("section Longest builds") != std::string::npos);
    BOOST_TEST(lines_with(chart, "    b1") == 12U);
    BOOST_TEST(chart.find("b118 ") != std::string::npos);
    BOOST_TEST(chart.find("b117 ") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_bar_can_be_seen_and_a_name_cannot_end_its_line) {
    auto report = run_of(100s);
    report.builds = {build_at("a:b;c#d\ne", 0s, 1ms), build_at(std::string(60, 'x'), 0s, 2s)};
    auto chart = report::time_line(report);
    BOOST_TEST(chart.find("    a_b_c_d_e :0, 1000ms\n") != std::string::npos);
    BOOST_TEST(lines_with(chart, "\n") == lines_with(chart, "ms\n") + 5);
    BOOST_TEST(chart.find(std::string(33, 'x')) == std::string::npos);
    BOOST_TEST(chart.find("…") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_several_jobs_built_is_on_one_clock) {
    const auto noon = *parse_utc("2026-11-30T12:00:00Z");
    report::JobReport first, second, idle;
    first.name = "shard 1";
    first.started = noon + 10s;
    first.builds = {{.name = "late", .start = 60s, .took = 20s}, {.name = "early", .start = 1s, .took = 30s}};
    second.name = "shard 2: #arm";
    second.started = noon;
    for (int i = 0; i < 6; ++i)
        second.builds.push_back({.name = "b" + std::to_string(i),
                                 .outcome = i == 5 ? BuildOutcome::failed : BuildOutcome::built,
                                 .start = std::chrono::seconds(10 - i),
                                 .took = std::chrono::seconds(10 + i)});
    idle.name = "end";
    idle.started = noon;
    BOOST_TEST(report::time_line({first, idle, second}) == "gantt\n    dateFormat x\n    axisFormat %M:%S\n"
                                                           "    section shard 2_ _arm\n"
                                                           "    b5 :crit, 5000, 15000ms\n"
                                                           "    b4 :6000, 14000ms\n"
                                                           "    b3 :7000, 13000ms\n"
                                                           "    b2 :8000, 12000ms\n"
                                                           "    section shard 1\n"
                                                           "    early :11000, 30000ms\n"
                                                           "    late :70000, 20000ms\n");
    BOOST_TEST(report::time_line({first, idle}) == "");
    second.started.reset();
    BOOST_TEST(report::time_line({first, second}) == "");
}

BOOST_AUTO_TEST_CASE(a_summary_of_several_jobs_ends_with_their_time_line_if_there_is_room) {
    report::Joined joined;
    for (const auto* name : {"shard 1", "shard 2"}) {
        report::JobReport job;
        job.name = name;
        job.started = *parse_utc("2026-11-30T12:00:00Z");
        job.builds = {{.name = "firefox", .start = 0s, .took = 1h}};
        joined.jobs.push_back(job);
    }
    auto text = report::to_markdown(joined);
    auto at = text.find("\n### Time\n\n```mermaid\ngantt\n");
    BOOST_TEST_REQUIRE(at != std::string::npos);
    BOOST_TEST(text.ends_with("    firefox :0, 3600000ms\n```\n"));
    BOOST_TEST(report::to_markdown(joined, text.size()) == text);
    BOOST_TEST(report::to_markdown(joined, text.size() - 1) == text.substr(0, at));
}

BOOST_AUTO_TEST_SUITE_END()
