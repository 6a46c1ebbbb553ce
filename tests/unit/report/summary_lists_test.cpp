#include "report/summary_lists.hpp"
#include "reports.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using event::BuildOutcome;
using event::PushOutcome;
using event::TargetVerdict;
namespace lists = cachefill::report::lists;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

BOOST_AUTO_TEST_SUITE(report_summary_lists)

BOOST_AUTO_TEST_CASE(a_run_that_filled_everything_has_nothing_to_list) {
    auto report = filled_report();
    for (const auto& text : {lists::what_did_not_go_up(report), lists::missing(report), lists::lacking(report),
                             lists::waiting(report), lists::trust(report), lists::left_out(report)})
        BOOST_TEST(text == "");
    BOOST_TEST(lists::titled("Title", "") == "");
    BOOST_TEST(lists::folded("Title", 3, "") == "");
    BOOST_TEST(lists::titled("Title", "text\n") == "\n### Title\n\ntext\n");
    BOOST_TEST(lists::folded("Title", 3, "text\n") ==
               "\n<details><summary>Title (3)</summary>\n\ntext\n\n</details>\n");
}

BOOST_AUTO_TEST_CASE(what_did_not_go_up_stands_under_why_it_did_not) {
    auto report = filled_report();
    report.pushes.push_back(push("refused", PushOutcome::failed));
    report.pushes.back().reason = "413 *too* large";
    report.pushes.push_back(push("foreign", PushOutcome::withheld));
    report.pushes.back().built_by_this_run = false;
    report.pushes.push_back(push("planned", PushOutcome::not_pushed));
    report.pushes.back().planned = true;
    auto text = lists::what_did_not_go_up(report);
    BOOST_TEST(text.starts_with("\n### What did not go up\n"));
    BOOST_TEST(has(text, "The cache did not take these (1)"));
    BOOST_TEST(has(text, "- built: `" + store_path("refused") + "`: 413 \\*too\\* large\n"));
    BOOST_TEST(has(text, "Withheld (1)"));
    BOOST_TEST(has(text, "\n- `" + store_path("foreign") + "`\n"));
    BOOST_TEST(!has(text, "planned")); // it was never to go up
    BOOST_TEST(!has(text, "Not pushed"));
}

BOOST_AUTO_TEST_CASE(lists_end_somewhere_and_say_how_many_more_there_are) {
    auto report = filled_report();
    for (int i = 0; i < 53; ++i) report.holes.push_back(store_path("hole" + std::to_string(i) + "."));
    auto text = lists::missing(report);
    BOOST_TEST(has(text, "hole49."));
    BOOST_TEST(!has(text, "hole50."));
    BOOST_TEST(has(text, "- and 3 more, which the JSON report lists\n"));
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_told_by_who_cannot_fetch_it) {
    auto report = filled_report();
    report.undecided = {store_path("away")};
    report.targets[0].missing = {store_path("a"), store_path("b")};
    report.targets[0].verdict = TargetVerdict::incomplete;
    report.targets[1].missing = {store_path("c")};
    report.targets[1].verdict = TargetVerdict::elsewhere; // nobody expected it of this machine
    auto text = lists::missing(report);
    BOOST_TEST(has(text, "Undecided"));
    BOOST_TEST(has(text, "What nixos:nas cannot fetch (2)"));
    BOOST_TEST(has(text, store_path("b")));
    BOOST_TEST(!has(text, "home:alice"));
    report.command = report::Command::plan; // a plan has not filled anything yet
    BOOST_TEST(!has(lists::missing(report), "cannot fetch"));
}

BOOST_AUTO_TEST_CASE(what_this_machine_could_not_fetch_and_what_waits_is_told) {
    auto report = filled_report();
    report.not_fetchable_here = {store_path("a")};
    BOOST_TEST(has(lists::lacking(report), "lacks a substituter"));
    BOOST_TEST(has(lists::lacking(report), store_path("a")));
    report.builds.push_back(build("chromium", BuildOutcome::not_started));
    report.builds.back().deferred = "cache.nixos.org builds it";
    report.builds.push_back(build("firefox", BuildOutcome::built));
    report.builds.back().deferred = "cache.nixos.org builds it"; // and its turn came
    auto text = lists::waiting(report);
    BOOST_TEST(has(text, "- `chromium`: cache.nixos.org builds it\n"));
    BOOST_TEST(!has(text, "firefox"));
}

BOOST_AUTO_TEST_CASE(hosts_that_need_the_same_lines_are_told_them_once) {
    auto report = filled_report();
    auto lacks = [](const std::string& name, std::vector<std::string> lines) {
        auto target = complete_target(name);
        target.trusted = false;
        target.trust_advice = std::move(lines);
        return target;
    };
    report.targets = {lacks("nixos:a", {"extra-substituters = x"}), lacks("nixos:b", {"extra-trusted-public-keys = k"}),
                      lacks("nixos:c", {"extra-substituters = x"}), lacks("nixos:d", {}), complete_target("nixos:e")};
    auto text = lists::trust(report);
    BOOST_TEST(has(text, "`nixos:a`, `nixos:c` would fetch nothing from `team`, unless there is added:\n\n"
                         "```text\nextra-substituters = x\n```\n"));
    BOOST_TEST(has(text, "`nixos:b` would fetch nothing"));
    BOOST_TEST(has(text, "`nixos:d` would fetch nothing from `team`.\n"));
    BOOST_TEST(!has(text, "nixos:e"));
}

BOOST_AUTO_TEST_CASE(what_was_left_out_says_by_whom) {
    auto report = filled_report();
    report.skipped = {"nixos:old"};
    report.targets[0].evaluate_only = true;
    report.targets[1].verdict = TargetVerdict::elsewhere;
    report.targets[1].system = "aarch64-linux";
    auto text = lists::left_out(report);
    BOOST_TEST(has(text, "Left out (3)"));
    BOOST_TEST(has(text, "- `nixos:old`: not selected\n"));
    BOOST_TEST(has(text, "- `nixos:nas`: only evaluated, as asked\n"));
    BOOST_TEST(has(text, "- `home:alice@nas`: needs aarch64-linux, which is not here\n"));
}

BOOST_AUTO_TEST_SUITE_END()
