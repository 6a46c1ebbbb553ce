#include "base/text.hpp"
#include "golden_text.hpp"
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

BOOST_AUTO_TEST_SUITE_END()
