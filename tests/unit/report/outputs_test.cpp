#include "base/files.hpp"
#include "report/outputs.hpp"
#include "reports.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <map>

using namespace cachefill;
using namespace cachefill::test;
using event::BuildOutcome;
using event::PushOutcome;

namespace {

std::map<std::string, std::string> outputs_of(const report::RunReport& report) {
    std::map<std::string, std::string> outputs;
    for (auto& [name, value] : report::step_outputs(report)) outputs[name] = value;
    return outputs;
}

} // namespace

BOOST_AUTO_TEST_SUITE(outputs_of_a_step)

BOOST_AUTO_TEST_CASE(numbers_are_those_of_the_lists) {
    auto report = filled_report();
    report.builds.push_back(build("broken", BuildOutcome::failed));
    report.builds.push_back(build("slow", BuildOutcome::timed_out));
    report.pushes.push_back(push("lost", PushOutcome::failed));
    report.targets[0].verdict = event::TargetVerdict::incomplete;
    report.targets[0].missing = {store_path("a"), store_path("b")};
    report.targets[1].missing = {store_path("b")};
    report.exit_code = 1;
    auto outputs = outputs_of(report);
    BOOST_TEST(outputs["built"] == "2");
    BOOST_TEST(outputs["pushed"] == "3");
    BOOST_TEST(outputs["present"] == "2100");
    BOOST_TEST(outputs["failed"] == "2");
    BOOST_TEST(outputs["failed-names"] == R"(["broken","slow"])");
    BOOST_TEST(outputs["missing"] == "2");
    BOOST_TEST(nlohmann::json::parse(outputs["missing-paths"]).size() == 2U);
    BOOST_TEST(outputs["not-pushed"] == "1");
    BOOST_TEST(outputs["complete"] == "false");
    BOOST_TEST(outputs["exit-code"] == "1");
    BOOST_TEST(outputs["hosts"] == R"({"nixos:nas":"incomplete","home:alice@nas":"complete"})");
    BOOST_TEST(nlohmann::json::parse(outputs["plan"])["builds"] == 4);
}

BOOST_AUTO_TEST_CASE(complete_means_every_host_that_can_be_built_here_and_at_least_one) {
    auto report = warm_report();
    BOOST_TEST(outputs_of(report)["complete"] == "true");
    report.targets[1].verdict = event::TargetVerdict::elsewhere;
    BOOST_TEST(outputs_of(report)["complete"] == "true");
    report.targets[0].verdict = event::TargetVerdict::unknown;
    BOOST_TEST(outputs_of(report)["complete"] == "false");
    report.targets[0].evaluate_only = true;
    BOOST_TEST(outputs_of(report)["complete"] == "false"); // nothing is left that counts
    BOOST_TEST(outputs_of(report::RunReport())["complete"] == "false");
}

BOOST_AUTO_TEST_CASE(what_was_not_looked_at_is_empty_and_not_zero) {
    auto report = warm_report();
    for (auto& target : report.targets) target.verified = false;
    BOOST_TEST(outputs_of(report)["missing"] == "");
    BOOST_TEST(outputs_of(report)["missing-paths"] == "");
}

BOOST_AUTO_TEST_CASE(every_output_is_documented) {
    auto text = read_file(std::string(CACHEFILL_DOCS) + "/github.md").value();
    for (const auto& [name, value] : report::step_outputs(warm_report()))
        BOOST_TEST(text.find("`" + name + "`") != std::string::npos, name << " is missing in docs/github.md");
}

BOOST_AUTO_TEST_SUITE_END()
