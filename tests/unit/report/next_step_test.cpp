#include "report/next_step.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using report::next_step;

namespace {

report::RunReport ended(report::Command command, int exit_code) {
    report::RunReport report;
    report.command = command;
    report.exit_code = exit_code;
    report.again = "cachefill again";
    return report;
}

std::string told(const report::RunReport& report) { return next_step(report, report::figures(report)); }

} // namespace

BOOST_AUTO_TEST_SUITE(next_steps)

BOOST_AUTO_TEST_CASE(a_plan_with_something_to_do_ends_with_what_does_it) {
    auto plan = ended(report::Command::plan, 0);
    BOOST_TEST(told(plan).empty());
    plan.run_command = "cachefill run --cache team .";
    BOOST_TEST(told(plan) == "next: cachefill run --cache team .\n");
}

BOOST_AUTO_TEST_CASE(what_verify_misses_is_for_a_run_and_not_for_another_look) {
    auto verify = ended(report::Command::verify, 1);
    BOOST_TEST(told(verify).empty());
    verify.run_command = "cachefill run --hosts nas";
    BOOST_TEST(told(verify) == "next: cachefill run --hosts nas\n");
    verify.targets.resize(1);
    verify.targets[0].error = "undefined variable";
    BOOST_TEST(told(verify) == "next: cachefill run --hosts nas\n      (once what failed is mended)\n");
}

BOOST_AUTO_TEST_CASE(where_no_machine_trusts_the_cache_that_comes_before_switching) {
    auto run = ended(report::Command::run, 0);
    run.builds.emplace_back();
    run.builds.back().outcome = event::BuildOutcome::built;
    run.targets.resize(2);
    run.switch_command = "nh os switch .";
    run.use_command = "cachefill use --cache demo";
    BOOST_TEST(told(run).find("next: nh os switch .") == 0U, told(run));
    run.targets[0].trusted = false;
    BOOST_TEST(told(run).find("next: put the lines above into the hosts that lack them\nthen: nh os switch .\n") == 0U,
               told(run));
    run.targets[1].trusted = false;
    BOOST_TEST(told(run) == "next: cachefill use --cache demo\n"
                            "      (how a machine comes to fetch from the cache; none of these does)\n"
                            "then: nh os switch .\n      (with the lines above in its configuration)\n");
}

BOOST_AUTO_TEST_CASE(what_was_built_is_spoken_of_only_where_something_was) {
    auto run = ended(report::Command::run, 0);
    run.targets.resize(1);
    run.switch_command = "nh os switch .";
    run.pushes.emplace_back();
    run.pushes.back().outcome = event::PushOutcome::published;
    BOOST_TEST(told(run) == "next: nh os switch .\n      (on that machine; it fetches what is in the cache)\n");
    run.targets.resize(2);
    run.targets[1].trusted = false; // as a template, which nobody fills
    run.targets[1].evaluate_only = true;
    BOOST_TEST(told(run) ==
               "next: nh os switch .\n      (on any of these machines; they fetch what is in the cache)\n");
    BOOST_TEST(told(ended(report::Command::run, 1)) == "next: cachefill again\n      (once what failed is mended)\n");
}

BOOST_AUTO_TEST_CASE(a_run_that_did_nothing_asks_for_nothing) {
    auto run = ended(report::Command::run, 0);
    run.switch_command = "nh os switch .";
    BOOST_TEST(told(run).empty());
    BOOST_TEST(told(ended(report::Command::run, 3)) == "next: cachefill again\n      (pushes only what is missing)\n");
    BOOST_TEST(told(ended(report::Command::run, 5)).empty());
}

BOOST_AUTO_TEST_SUITE_END()
