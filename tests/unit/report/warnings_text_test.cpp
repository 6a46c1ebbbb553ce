#include "report/warnings_text.hpp"
#include "reports.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using event::Severity;

namespace {

std::string trust_of(const report::RunReport& report) { return report::trust_text(report, report::Style(false)); }
std::string warnings_of(const report::RunReport& report) { return report::warnings_text(report, report::Style(false)); }

} // namespace

BOOST_AUTO_TEST_SUITE(report_warnings)

BOOST_AUTO_TEST_CASE(hosts_that_lack_the_same_lines_are_told_them_once) {
    auto report = warm_report();
    BOOST_TEST(trust_of(report) == "");
    for (auto& target : report.targets) {
        target.trusted = false;
        target.trust_advice = {"extra-substituters = x"};
    }
    BOOST_TEST(trust_of(report) == "warning: nixos:nas, home:alice@nas do not trust the cache and would fetch nothing "
                                   "from it; add to their configuration:\n    extra-substituters = x\n");
    report.targets.pop_back();
    report.targets[0].trust_advice.clear();
    BOOST_TEST(trust_of(report) == "warning: nixos:nas does not trust the cache and would fetch nothing from it\n");
}

BOOST_AUTO_TEST_CASE(a_warning_is_told_once_and_a_cause_at_its_own_place) {
    auto report = warm_report();
    report.causes = {"the cache is away"};
    for (const auto* text : {"slow", "slow", "the cache is away"})
        report.messages.push_back({.severity = Severity::warning, .text = text, .hint = "wait"});
    report.messages.push_back({.severity = Severity::notice, .text = "by the way", .hint = {}});
    BOOST_TEST(warnings_of(report) == "warning: slow\n  hint: wait\n");
}

BOOST_AUTO_TEST_SUITE_END()
