#include "report/uncounted.hpp"
#include "reports.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using report::UncountedUpstream;
using report::UpstreamPushes;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

UncountedUpstream cuda() {
    UncountedUpstream upstream;
    upstream.url = "https://cuda.example";
    upstream.paths = 206;
    upstream.of = 1450;
    upstream.hosts = {"nixos:a", "nixos:b"};
    upstream.advice = {{.hosts = {"nixos:a", "nixos:b"}, .lines = {"extra-substituters = https://cuda.example"}}};
    return upstream;
}

UpstreamPushes forced() {
    UpstreamPushes pushes;
    pushes.paths = 3;
    pushes.nar_bytes = 4 << 20;
    pushes.file_bytes = 1 << 20;
    pushes.upstreams = {"https://cuda.example"};
    return pushes;
}

} // namespace

BOOST_AUTO_TEST_SUITE(report_uncounted)

BOOST_AUTO_TEST_CASE(an_upstream_that_hosts_do_not_trust_says_what_it_would_save) {
    auto upstream = cuda();
    BOOST_TEST(upstream.text() == "upstream https://cuda.example has 206 of the 1450 outputs that would be built, but "
                                  "nixos:a, nixos:b do not trust it");
    upstream.hosts = {"nixos:a"};
    upstream.of = 1;
    BOOST_TEST(upstream.text().ends_with("of the 1 output that would be built, but nixos:a does not trust it"));
    upstream.hosts = std::vector<std::string>(12, "h");
    BOOST_TEST(upstream.text().ends_with("h, h and 2 more do not trust it"));
}

BOOST_AUTO_TEST_CASE(lines_to_add_stand_under_those_who_need_them) {
    report::RunReport report;
    report.uncounted_upstreams = {cuda()};
    auto lines = report::uncounted_text(report);
    BOOST_REQUIRE(lines.size() == 3U);
    BOOST_TEST(lines[0].starts_with("warning: upstream https://cuda.example"));
    BOOST_TEST(lines[0].ends_with("; add to their configuration:"));
    BOOST_TEST(lines[1] == "    extra-substituters = https://cuda.example");
    BOOST_TEST(lines[2] == "  or count it for all of them: --upstreams-count-given");
    report.uncounted_upstreams[0].advice.push_back({.hosts = {"nixos:c"}, .lines = {"x = y"}});
    lines = report::uncounted_text(report);
    BOOST_REQUIRE(lines.size() == 6U);
    BOOST_TEST(lines[1] == "  nixos:a, nixos:b:");
    BOOST_TEST(lines[3] == "  nixos:c:");
    BOOST_TEST(lines[4] == "    x = y");
    auto markdown = report::uncounted_markdown(report);
    BOOST_TEST(has(markdown, "`nixos:c`:\n\n```text\nx = y\n```\n"));
    BOOST_TEST(has(markdown, "Or count it for all of them: `--upstreams-count-given`"));
}

BOOST_AUTO_TEST_CASE(what_goes_up_although_an_upstream_serves_it_says_how_much_and_how_to_spare_it) {
    auto pushes = forced();
    BOOST_TEST(pushes.text("demo", false) ==
               "3 paths (1.0 MiB) went up although https://cuda.example serves them: demo shows a path only when it "
               "knows of all that it refers to");
    BOOST_TEST(
        pushes.text("demo", true)
            .starts_with("up to 3 paths (4.0 MiB), which https://cuda.example serves already, would go up as well"));
    BOOST_TEST(pushes.hint("demo") == "name https://cuda.example among the upstream caches of demo (in its settings), "
                                      "and they stay where they are");
    pushes.upstreams.push_back("https://x");
    BOOST_TEST(has(pushes.text("demo", false), "https://cuda.example, https://x serve them"));
    pushes.size_budget = 4 << 20;
    BOOST_TEST(!has(pushes.text("demo", true), "size-budget")); // just as much as allowed
    pushes.size_budget = 1 << 20;
    BOOST_TEST(pushes.text("demo", true).ends_with("; that is more than the size-budget of 1.0 MiB"));
    pushes.paths = 0;
    BOOST_TEST(pushes.text("demo", false) == "");
}

BOOST_AUTO_TEST_CASE(a_report_tells_it_with_its_hint_and_a_plan_as_a_plan) {
    report::RunReport report;
    report.cache = "demo";
    BOOST_TEST(report::uncounted_text(report).empty());
    BOOST_TEST(report::uncounted_markdown(report) == "");
    report.upstream_pushes = forced();
    auto lines = report::uncounted_text(report);
    BOOST_REQUIRE(lines.size() == 2U);
    BOOST_TEST(has(lines[0], "went up"));
    BOOST_TEST(lines[1].starts_with("    hint: name https://cuda.example"));
    report.command = report::Command::plan;
    BOOST_TEST(has(report::uncounted_text(report)[0], "would go up"));
    BOOST_TEST(has(report::uncounted_markdown(report), "would go up"));
}

BOOST_AUTO_TEST_CASE(substituters_that_cannot_be_asked_from_here_are_named) {
    report::RunReport report;
    report.targets = {complete_target("nixos:a")};
    report.targets[0].not_asked = {"s3://bucket"};
    auto lines = report::uncounted_text(report);
    BOOST_REQUIRE(lines.size() == 1U);
    BOOST_TEST(lines[0] == "note: nixos:a also asks s3://bucket, which cannot be asked from here: what only that has "
                           "counts as absent");
    BOOST_TEST(has(report::uncounted_markdown(report), "`nixos:a` also asks s3://bucket"));
}

BOOST_AUTO_TEST_SUITE_END()
