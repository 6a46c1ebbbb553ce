#include "report/failures_text.hpp"
#include "report/summary_failures.hpp"
#include "reports.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using event::BuildOutcome;

namespace {

constexpr std::size_t plenty = 1 << 20;

std::string text_of(const report::RunReport& report) { return report::failures_text(report, report::Style(false)); }
std::string markdown_of(const report::RunReport& report) { return report::failures_markdown(report, plenty); }

report::TargetReport broken_target(const std::string& name) {
    report::TargetReport target;
    target.name = name;
    target.verdict = event::TargetVerdict::not_evaluated;
    target.error = "error: attribute 'foo' missing\n  at hosts/web.nix:12:5\n";
    return target;
}

report::BuildReport broken_build(const std::string& name, BuildOutcome outcome = BuildOutcome::failed) {
    auto broken = build(name, outcome);
    broken.error = "builder failed with exit code 2\nsee its log";
    return broken;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
    return found;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::vector<std::string> numbered_lines(int number) {
    std::vector<std::string> lines;
    for (int i = 1; i <= number; ++i) lines.push_back("line " + std::to_string(i) + ".");
    return lines;
}

} // namespace

BOOST_AUTO_TEST_SUITE(report_failures)

BOOST_AUTO_TEST_CASE(where_nothing_failed_nothing_is_told) {
    BOOST_TEST(text_of(filled_report()) == "");
    BOOST_TEST(markdown_of(filled_report()) == "");
    auto report = filled_report();
    for (auto outcome : {BuildOutcome::cancelled, BuildOutcome::blocked, BuildOutcome::not_started,
                         BuildOutcome::elsewhere, BuildOutcome::found})
        report.builds.push_back(build("x", outcome));
    BOOST_TEST(text_of(report) == "");
    BOOST_TEST(markdown_of(report) == "");
}

BOOST_AUTO_TEST_CASE(a_host_that_does_not_evaluate_says_where_and_what_to_do) {
    auto report = warm_report();
    report.targets.push_back(broken_target("nixos:web"));
    BOOST_TEST(text_of(report) == "failed: nixos:web does not evaluate\n"
                                  "  | error: attribute 'foo' missing\n  |   at hosts/web.nix:12:5\n");
    report.targets.back().position = event::Position{.file = "hosts/web.nix", .line = 12, .column = 5};
    report.targets.back().hint = "look there";
    auto text = text_of(report);
    BOOST_TEST(text.starts_with("failed: nixos:web does not evaluate: hosts/web.nix:12:5\n"));
    BOOST_TEST(text.ends_with("  hint: look there\n"));
    auto markdown = markdown_of(report);
    BOOST_TEST(markdown.starts_with("❌ `nixos:web` does not evaluate: `hosts/web.nix:12:5`\n"));
    BOOST_TEST(has(markdown, "<details open><summary>what Nix says</summary>"));
    BOOST_TEST(has(markdown, "look there"));
}

BOOST_AUTO_TEST_CASE(a_build_says_who_needs_it_what_it_blocks_and_how_to_see_more) {
    auto report = warm_report();
    report.builds = {broken_build("gcc-14")};
    for (const auto* name : {"hello-2", "zlib-1"}) {
        auto blocked = build(name, BuildOutcome::blocked);
        blocked.blocked_by_derivation = report.builds[0].derivation;
        report.builds.push_back(blocked);
    }
    auto other = build("other", BuildOutcome::blocked);
    other.blocked_by_derivation = store_path("something-else.drv");
    report.builds.push_back(other);
    BOOST_TEST(text_of(report) == "failed: gcc-14 after 1 min 05 s, needed by nixos:nas\n"
                                  "  builder failed with exit code 2\n  | see its log\n"
                                  "  blocks hello-2, zlib-1\n"
                                  "  see more: nix log " +
                                      report.builds[0].derivation + "\n");
    auto markdown = markdown_of(report);
    BOOST_TEST(markdown.starts_with("❌ `gcc-14` did not build after 1 min 05 s, needed by `nixos:nas`\n"));
    BOOST_TEST(has(markdown, "It blocks `hello-2`, `zlib-1`.\n"));
    BOOST_TEST(has(markdown, "what the daemon says"));
    BOOST_TEST(has(markdown, "All of it, on the machine that built: `nix log " + report.builds[0].derivation + "`"));
}

BOOST_AUTO_TEST_CASE(what_nix_would_not_begin_took_no_time_and_has_no_log) {
    auto report = warm_report();
    report.builds = {broken_build("bad", BuildOutcome::refused)};
    auto text = text_of(report);
    BOOST_TEST(text.starts_with("refused: bad, needed by nixos:nas\n"));
    BOOST_TEST(text.ends_with("  it is " + report.builds[0].derivation + "\n"));
    auto markdown = markdown_of(report);
    BOOST_TEST(!has(markdown, " after "));
    BOOST_TEST(!has(markdown, "nix log"));
    BOOST_TEST(has(markdown, "It is `" + report.builds[0].derivation + "`."));
}

BOOST_AUTO_TEST_CASE(the_end_of_a_log_is_what_is_told) {
    auto report = warm_report();
    report.builds = {broken_build("gcc-14")};
    report.builds[0].log_tail = numbered_lines(45);
    auto text = text_of(report);
    BOOST_TEST(has(text, "  | line 45.\n"));
    BOOST_TEST(has(text, "  | line 26.\n"));
    BOOST_TEST(!has(text, "line 25."));
    auto markdown = markdown_of(report);
    BOOST_TEST(has(markdown, "last 30 lines of its log"));
    BOOST_TEST(has(markdown, "\nline 16.\n"));
    BOOST_TEST(!has(markdown, "line 15."));
    BOOST_TEST(has(markdown, "builder failed with exit code 2\nsee its log\n\n")); // before the log
}

BOOST_AUTO_TEST_CASE(of_a_wrong_hash_both_are_told) {
    auto report = warm_report();
    report.builds = {broken_build("src.tar.gz")};
    report.builds[0].error = "hash mismatch in fixed-output derivation 'x':\n  specified: sha256-wXg=\n"
                             "     got:    sha256-f4s=";
    report.builds[0].log_tail = {"trying http://localhost/src.tar.gz"};
    const std::string told = "  hash mismatch in fixed-output derivation 'x':\n  |   specified: sha256-wXg=\n"
                             "  |      got:    sha256-f4s=\n  | trying";
    BOOST_TEST(has(text_of(report), told), text_of(report));
    BOOST_TEST(has(markdown_of(report), "     got:    sha256-f4s=\n\ntrying"), markdown_of(report));
}

BOOST_AUTO_TEST_CASE(what_said_nothing_is_told_so) {
    auto report = warm_report();
    report.builds = {broken_build("mute", BuildOutcome::silent)};
    report.builds[0].error.clear();
    BOOST_TEST(has(markdown_of(report), "it printed nothing"));
    BOOST_TEST(text_of(report).starts_with("silent: mute after"));
}

BOOST_AUTO_TEST_CASE(of_many_failures_the_first_are_told_at_length_the_next_shortly_the_rest_in_number) {
    auto report = warm_report();
    for (int i = 0; i < 10; ++i) report.targets.push_back(broken_target("host" + std::to_string(i)));
    for (int i = 0; i < 45; ++i) {
        report.builds.push_back(broken_build("build" + std::to_string(i) + "."));
        report.builds.back().log_tail = numbered_lines(20);
    }
    auto text = text_of(report);
    BOOST_TEST(count(text, "does not evaluate:") + count(text, "does not evaluate\n") == 8U);
    BOOST_TEST(has(text, "2 more targets do not evaluate"));
    BOOST_TEST(count(text, "  | line 1.\n") == 8U);
    BOOST_TEST(count(text, "  | line 20.\n") == 40U);
    BOOST_TEST(has(text, "5 more builds failed"));

    auto markdown = markdown_of(report);
    BOOST_TEST(count(markdown, "<details open>") == 3U);
    BOOST_TEST(count(markdown, "does not evaluate\n") == 10U);
    BOOST_TEST(count(markdown, "did not build after") == 20U);
    BOOST_TEST(has(markdown, "These did not build either: `build20.`"));
    BOOST_TEST(has(markdown, "`build44.`"));
}

BOOST_AUTO_TEST_CASE(a_summary_keeps_its_limit_however_much_fails) {
    auto report = warm_report();
    for (int i = 0; i < 20; ++i) report.targets.push_back(broken_target("host" + std::to_string(i)));
    for (int i = 0; i < 300; ++i) {
        report.builds.push_back(broken_build("b" + std::to_string(i) + "."));
        report.builds.back().log_tail = std::vector<std::string>(50, std::string(1000, 'x'));
    }
    constexpr std::size_t limit = 20'000;
    auto markdown = report::failures_markdown(report, limit);
    BOOST_TEST(markdown.size() < 2 * limit);
    BOOST_TEST(has(markdown, "These did not build either"));
    BOOST_TEST(has(markdown, "more\n"));
    // Half of it is kept for builds, however many hosts there are.
    auto tight = report::failures_markdown(report, 1000);
    BOOST_TEST(has(tight, "These do not evaluate either"));
    BOOST_TEST(has(tight, "`b0.` did not build"));
}

BOOST_AUTO_TEST_CASE(what_failed_cannot_write_markdown_of_its_own) {
    auto report = warm_report();
    report.builds = {broken_build("gcc")};
    report.builds[0].log_tail = {"```", "</details> @kim", std::string(1000, 'y')};
    auto markdown = markdown_of(report);
    BOOST_TEST(has(markdown, "````text\n"));
    BOOST_TEST(!has(markdown, std::string(301, 'y')));
}

BOOST_AUTO_TEST_SUITE_END()
