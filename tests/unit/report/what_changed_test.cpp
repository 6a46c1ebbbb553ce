#include "base/text.hpp"
#include "golden_text.hpp"
#include "report/host_changes.hpp"
#include "report/summary.hpp"
#include "report/what_changed.hpp"
#include "reports.hpp"

#include <nlohmann/json.hpp>

using namespace cachefill;
using namespace cachefill::test;
using report::ClosureDifference;
using report::headline;
using report::most_telling;

namespace {

report::PackageChange change(const std::string& name, std::vector<std::string> before, std::vector<std::string> after,
                             std::int64_t grew_by = 0) {
    return {.name = name, .before = std::move(before), .after = std::move(after), .grew_by = grew_by, .size = 0};
}

ClosureDifference updated() {
    ClosureDifference difference;
    difference.changed = {change("firefox", {"141.0"}, {"142.0"}, 3 << 20),
                          change("linux", {"6.1", "6.6"}, {"6.12.4"}, -(40 << 20))};
    difference.came = {change("nginx", {}, {"1.27.3"}, 4 << 20), change("unit-nginx.service", {}, {""}, 900)};
    difference.went = {change("apache", {"2.4"}, {}, -1000)};
    difference.resized = {change("mesa", {"25.0"}, {"25.0"}, 2 << 20)};
    difference.rebuilt = 40;
    difference.grew_by = -(31 << 20);
    return difference;
}

ClosureDifference of_packages(std::size_t count) {
    ClosureDifference difference;
    for (std::size_t i = 0; i < count; ++i) difference.changed.push_back(change("p" + std::to_string(i), {"1"}, {"2"}));
    return difference;
}

// As they stand in a table.
std::string no_breaks(std::string text) {
    for (auto at = text.find(' '); at != text.npos; at = text.find(' ', at)) text.replace(at, 1, "\u00a0");
    return text;
}

std::size_t lines_with(const std::string& text, std::string_view words) {
    std::size_t count = 0;
    for (auto line : split(text, '\n')) count += line.find(words) != std::string_view::npos ? 1 : 0;
    return count;
}

} // namespace

BOOST_AUTO_TEST_SUITE(what_changed)

BOOST_AUTO_TEST_CASE(a_line_tells_how_much) {
    BOOST_TEST(headline(updated()) == "2 packages changed, 2 came, 1 went, 40 rebuilt, -31.0 MiB");
    BOOST_TEST(headline(ClosureDifference()) == "nothing changed");
    BOOST_TEST(headline(of_packages(1)) == "1 package changed, +0 B");
    ClosureDifference rebuilt;
    rebuilt.rebuilt = 1;
    rebuilt.grew_by = 2048;
    BOOST_TEST(headline(rebuilt) == "1 package rebuilt, +2.0 KiB");
}

BOOST_AUTO_TEST_CASE(the_most_telling_are_named_and_the_others_counted) {
    BOOST_TEST(most_telling(updated(), 9) ==
               "firefox 141.0 → 142.0, linux 6.1, 6.6 → 6.12.4, nginx 1.27.3 came, unit-nginx.service came, apache 2.4 "
               "went, mesa 25.0 rebuilt (+2.0 MiB)");
    BOOST_TEST(most_telling(updated(), 1) == "firefox 141.0 → 142.0, and 5 more");
    BOOST_TEST(most_telling(ClosureDifference(), 3).empty());
}

BOOST_AUTO_TEST_CASE(a_terminal_gets_a_line_for_each) {
    BOOST_TEST(changes_text(updated(), 9) == "  firefox                           141.0 → 142.0  +3.0 MiB\n"
                                             "  linux                             6.1, 6.6 → 6.12.4  -40.0 MiB\n"
                                             "  nginx                             1.27.3  came  +4.0 MiB\n"
                                             "  unit-nginx.service                came  +900 B\n"
                                             "  apache                            2.4  went  -1000 B\n"
                                             "  mesa                              25.0  rebuilt  +2.0 MiB\n");
    BOOST_TEST(changes_text(of_packages(50), 40).ends_with("  and 10 more\n"));
    BOOST_TEST(lines_with(changes_text(of_packages(50), 40), "1 → 2") == 40U);
}

BOOST_AUTO_TEST_CASE(many_versions_of_one_package_are_cut) {
    ClosureDifference difference;
    difference.changed = {change("x", {"1", "2", "3", "4", "5"}, {""})};
    BOOST_TEST(most_telling(difference, 1) == "x 1, 2, 3, 4, … → no version");
}

BOOST_AUTO_TEST_CASE(a_summary_folds_a_table_below_the_line_of_each_host) {
    auto report = filled_report();
    report.targets[0].changes = updated();
    report.targets[1].changes = ClosureDifference();
    check_golden("summary-changes.md", changes_markdown(report));
    BOOST_TEST(report::to_markdown(report, {}).find("\n### What changed\n") != std::string::npos);
    report.targets[0].changes.reset();
    report.targets[1].changes.reset();
    BOOST_TEST(changes_markdown(report).empty());
    BOOST_TEST(report::to_markdown(report, {}).find("What changed") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_summary_is_bounded_in_rows_and_hosts) {
    auto report = filled_report();
    auto target = report.targets[0];
    target.changes = of_packages(100);
    report.targets.assign(35, target);
    auto text = changes_markdown(report);
    BOOST_TEST(lines_with(text, "<details>") == 30U);
    BOOST_TEST(lines_with(text, "and 60 more, which the JSON report lists") == 30U);
    BOOST_TEST(text.ends_with("and 5 more, which the JSON report lists\n"));
    BOOST_TEST(text.size() < 100'000U);
}

BOOST_AUTO_TEST_CASE(the_json_is_complete) {
    auto json = changes_json(of_packages(1000));
    BOOST_TEST(json["changed"].size() == 1000U);
    json = changes_json(updated());
    BOOST_TEST(json["changed"][0].dump() ==
               R"({"package":"firefox","before":["141.0"],"after":["142.0"],"grew_by":3145728})");
    BOOST_TEST(json["went"][0]["after"].empty());
    BOOST_TEST(json["rebuilt"].get<int>() == 40);
    BOOST_TEST(json["grew_by"].get<int>() == -(31 << 20));
}

BOOST_AUTO_TEST_CASE(where_a_table_has_no_room_its_line_stays_and_then_hosts_are_counted) {
    std::vector<report::HostChanges> hosts;
    for (int i = 0; i < 5; ++i) hosts.push_back({.host = "nixos:h" + std::to_string(i), .difference = of_packages(40)});
    auto whole = changes_markdown(hosts, 100'000);
    for (std::size_t limit = 0; limit <= whole.size() + 100; limit += 50) {
        auto text = changes_markdown(hosts, limit);
        BOOST_TEST(text.size() <= std::max<std::size_t>(limit, 60), limit);
        std::size_t left_out = 0;
        for (std::size_t number = 1; number <= 5; ++number)
            if (text.find("and " + std::to_string(number) + " more, which") != std::string::npos) left_out = number;
        BOOST_TEST(lines_with(text, "nixos:h") + left_out == 5U, text);
    }
    BOOST_TEST(lines_with(changes_markdown(hosts, whole.size()), "<details>") == 4U);
}

BOOST_AUTO_TEST_CASE(names_of_hosts_and_packages_are_text_wherever_they_stand) {
    const std::string evil = "x`|<img src=y>@octo #1 *b* ](https://e)";
    ClosureDifference rebuilt;
    rebuilt.rebuilt = 1;
    auto with_table = of_packages(0);
    with_table.changed = {change(evil, {evil}, {"2"})};
    std::vector<report::HostChanges> hosts{{.host = evil, .difference = rebuilt},
                                           {.host = evil, .difference = with_table}};
    const std::string in_ticks = "``x`\\|<img src=y>@octo #1 *b* ](https://e)``";
    auto text = changes_markdown(hosts, 100'000);
    BOOST_TEST(text ==
               "``" + evil +
                   "``: 1 package rebuilt, +0 B\n\n<details><summary><code>x`|&lt;img src=y&gt;&#64;octo #1 *b* "
                   "](https://e)</code>: 1 package changed, +0 B</summary>\n\n| package | before | after | "
                   "size |\n| --- | --- | --- | --: |\n| " +
                   no_breaks(in_ticks) + " | " + no_breaks(in_ticks) + " | `2` | +0\u00a0B |\n\n</details>\n\n");
}

BOOST_AUTO_TEST_CASE(what_another_machine_wrote_is_read_back_as_far_as_it_makes_sense) {
    auto difference = updated();
    auto again = report::read_changes(nlohmann::json(changes_json(difference)));
    BOOST_TEST(changes_json(again).dump() == changes_json(difference).dump());
    for (const auto* odd :
         {"null", "7", "[]", R"({"changed": 3, "came": [1, null, {}], "rebuilt": -1, "grew_by": "x"})"})
        BOOST_TEST(report::read_changes(nlohmann::json::parse(odd)).is_nothing(), odd);
    auto large = report::read_changes(nlohmann::json::parse(
        R"({"rebuilt": 1, "grew_by": -9223372036854775808, "came": [{"package": "a\u001b[1m\nb", "before": 1, "after": [2, "1\n2"]}]})"));
    BOOST_TEST(headline(large).find("-") != std::string::npos);
    BOOST_TEST(large.came[0].name == "a b");
    BOOST_TEST(large.came[0].after == std::vector<std::string>{"1 2"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
