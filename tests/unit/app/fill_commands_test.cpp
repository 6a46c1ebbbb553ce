// run, plan, verify and push as a person sees them: what is said where, what is written, and how they end.
#include "commands_scene.hpp"
#include "report/run_report.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <csignal>

using namespace cachefill;
using namespace cachefill::app;
using namespace cachefill::test;
using namespace std::chrono_literals;
using nlohmann::json;
using options::Command;

namespace {

// nas needs tool, which needs lib; desk needs lib and app.
struct Fleet : CommandScene {
    Fleet() {
        derivation("lib-1.0");
        derivation("tool-2.1", {"lib-1.0"});
        derivation("app-3");
        host("nas", {"tool-2.1"});
        host("desk", {"lib-1.0", "app-3"});
        machine.settings.jobs = 4;
        machine.settings.json = machine.path("report.json").string();
    }
    json report() const { return json::parse(read_file(machine.settings.json).value()); }
    std::string store_path(const std::string& name) const { return path(name).to_string(); }
    int verify(std::vector<std::string> arguments) {
        machine.settings.arguments = std::move(arguments);
        return perform(Command::verify, verify_command);
    }
    int push(std::vector<std::string> arguments) {
        machine.settings.arguments = std::move(arguments);
        return perform(Command::push, push_command);
    }
    int why(const std::string& name) {
        machine.settings.why = name;
        return perform(Command::plan, plan_command);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(fill_commands, Fleet)

BOOST_AUTO_TEST_CASE(a_run_ends_with_its_report_for_people_and_for_programs) {
    BOOST_TEST(perform(Command::run, run_command) == 0, output + errors);
    BOOST_TEST(says("nixos:nas"));
    BOOST_TEST(report()["exit_code"] == 0);
    BOOST_TEST(report()["figures"]["built"] == 5);
    BOOST_TEST(report()["targets"].size() == 2U);
    BOOST_TEST(published().size() == 5U);
}

BOOST_AUTO_TEST_CASE(a_report_on_standard_output_is_alone_there) {
    machine.settings.json = "-";
    BOOST_TEST(perform(Command::run, run_command) == 0, errors);
    BOOST_TEST(json::parse(output)["command"] == "run");
    BOOST_TEST(complains("nixos:nas"));
}

BOOST_AUTO_TEST_CASE(a_quiet_run_speaks_only_of_what_went_wrong) {
    machine.settings.quiet = true;
    BOOST_TEST(perform(Command::run, run_command) == 0);
    BOOST_TEST(output == "");
    own.published.clear();
    own.visible.clear();
    machine.infos.clear();
    builds["app-3"].error = "builder failed with exit code 2";
    BOOST_TEST(perform(Command::run, run_command) == 1);
    BOOST_TEST(says("app-3"));
    BOOST_TEST(says("builder failed with exit code 2"));
}

BOOST_AUTO_TEST_CASE(a_report_that_cannot_be_written_is_no_success) {
    machine.settings.json = machine.path("no-folder/report.json").string();
    BOOST_TEST(perform(Command::run, run_command) == 5);
    BOOST_TEST(complains("while: writing the report"));
    BOOST_TEST(complains("No such file or directory"));
    BOOST_TEST(published().size() == 5U); // all the same
    machine.settings.json.clear();
    machine.settings.junit = machine.path("no-folder/junit.xml").string();
    BOOST_TEST(perform(Command::run, run_command) == 5);
    BOOST_TEST(complains("writing the report as JUnit's XML"));
}

BOOST_AUTO_TEST_CASE(what_failed_already_is_told_before_a_report_that_cannot_be_written) {
    machine.settings.json = machine.path("no-folder/report.json").string();
    builds["lib-1.0"].error = "no compiler";
    BOOST_TEST(perform(Command::run, run_command) == 1);
}

BOOST_AUTO_TEST_CASE(a_run_is_interrupted_as_a_command) {
    builds["lib-1.0"].takes = 2h;
    interrupt_at(10min, SIGTERM);
    BOOST_TEST(perform(Command::run, run_command) == 143);
    BOOST_TEST(report()["exit_code"] == 143);
    BOOST_TEST(clock.elapsed() < 1h);
}

BOOST_AUTO_TEST_CASE(a_push_that_is_ended_before_it_began_says_what_is_not_up) {
    make_valid("lib-1.0");
    own.fault = Fault::silent; // while it is looked whether it can be written to
    own.until = 1h;
    interrupt_at(10s, SIGTERM);
    BOOST_TEST(push({store_path("lib-1.0")}) == 143, output + errors);
    BOOST_TEST(clock.elapsed() < 1min);
    BOOST_TEST(report()["exit_code"] == 143);
    BOOST_TEST_REQUIRE(report()["pushes"].size() == 1U);
    BOOST_TEST(report()["pushes"][0]["path"] == store_path("lib-1.0"));
    BOOST_TEST(report()["pushes"][0]["outcome"] == "not-pushed");
    BOOST_TEST(says("interrupted before it was looked at"));
}

BOOST_AUTO_TEST_CASE(what_standard_output_does_not_take_stands_in_the_report) {
    prints_to = "/dev/full";
    BOOST_TEST(perform(Command::run, run_command) == 5);
    BOOST_TEST(report()["exit_code"] == 5);
    BOOST_TEST(report()["causes"][0] == "not all of it could be written to the standard output");
}

BOOST_AUTO_TEST_CASE(a_plan_tells_what_would_be_done_and_does_nothing) {
    make_valid("lib-1.0");
    BOOST_TEST(perform(Command::plan, plan_command) == 0, errors);
    BOOST_TEST(says("would build 4 derivations, heaviest first:\n"));
    BOOST_TEST(says("  tool-2.1 "));
    BOOST_TEST(says("not known\n"));
    BOOST_TEST(says("would push 1 path that is here already\n"));
    BOOST_TEST(says("expected: 4 builds of unknown length, never built here before\n"));
    BOOST_TEST(built().empty());
    BOOST_TEST(published().empty());
    BOOST_TEST(report()["command"] == "plan");
}

BOOST_AUTO_TEST_CASE(a_dry_run_is_a_plan) {
    machine.settings.dry_run = true;
    BOOST_TEST(perform(Command::run, run_command) == 0);
    BOOST_TEST(says("would build 5 derivations"));
    BOOST_TEST(built().empty());
}

BOOST_AUTO_TEST_CASE(what_was_measured_before_is_expected_the_next_time) {
    builds["lib-1.0"].takes = 20min;
    BOOST_TEST(perform(Command::run, run_command) == 0);
    own.visible.clear();
    machine.infos.clear();
    BOOST_TEST(perform(Command::plan, plan_command) == 0);
    BOOST_TEST(says("about 20 min 00 s\n"));
    BOOST_TEST(says("longest chain "));
    BOOST_TEST(!says("never built here before"));
    auto first = output.find("lib-1.0"), second = output.find("app-3");
    BOOST_TEST(first < second); // the heaviest is told first
}

BOOST_AUTO_TEST_CASE(of_many_builds_the_plan_names_the_heaviest_and_counts_the_others) {
    std::vector<std::string> names;
    for (int i = 10; i < 35; ++i) {
        names.push_back("package-" + std::to_string(i));
        derivation(names.back());
    }
    host("full", names);
    BOOST_TEST(perform(Command::plan, plan_command) == 0);
    BOOST_TEST(says("would build 31 derivations"));
    BOOST_TEST(says("  … and 11 others (--json lists all)\n"));
    BOOST_TEST(report()["builds"].size() == 31U);
}

BOOST_AUTO_TEST_CASE(where_nothing_is_to_be_done_no_plan_is_told) {
    serve(own, {"lib-1.0", "tool-2.1", "app-3", "nas", "desk"});
    BOOST_TEST(perform(Command::plan, plan_command) == 0);
    BOOST_TEST(!says("would build"));
    BOOST_TEST(!says("expected:"));
}

BOOST_AUTO_TEST_CASE(why_is_answered_even_if_all_else_is_quiet) {
    machine.settings.quiet = true;
    BOOST_TEST(why("lib") == 0, errors);
    BOOST_TEST(says("lib-1.0"));
    BOOST_TEST(says("nixos:"));
    auto told = report()["why"];
    BOOST_REQUIRE(told.size() == 1U);
    BOOST_TEST(told[0]["subject"] == store_path("lib-1.0.drv"));
    BOOST_TEST(!told[0]["sentences"].empty());
}

BOOST_AUTO_TEST_CASE(why_of_what_nobody_needs_is_wrong_use_with_the_name_that_was_meant) {
    BOOST_TEST(why("toool") == 2);
    BOOST_TEST(complains("nothing that these hosts need is called 'toool'"));
    BOOST_TEST(complains("did you mean 'tool'?"));
    BOOST_TEST(why("something-completely-different") == 2);
    BOOST_TEST(complains("give a name (firefox, firefox-119.0, 'linux-*'), a host, or a store path"));
    BOOST_TEST(why("x\x1b[31my") == 2);
    BOOST_TEST(!complains("\x1b"));
}

BOOST_AUTO_TEST_CASE(of_many_that_are_called_so_some_are_explained_and_the_others_counted) {
    std::vector<std::string> names;
    for (int i = 10; i < 18; ++i) {
        names.push_back("package-" + std::to_string(i));
        derivation(names.back());
    }
    host("full", names);
    BOOST_TEST(why("package*") == 0);
    BOOST_TEST(report()["why"].size() == 5U);
    BOOST_TEST(says("… and 3 others of that name; give more of it, or a store path\n"));
}

BOOST_AUTO_TEST_CASE(paths_are_verified_without_evaluating_anything) {
    serve(own, {"lib-1.0", "tool-2.1"});
    BOOST_TEST(verify({store_path("tool-2.1")}) == 0, output + errors);
    BOOST_TEST(report()["targets"][0]["verdict"] == "complete");
    BOOST_TEST(times_told<event::EvaluationStarted>() == 0U);
    own.visible.erase(path("lib-1.0"));
    BOOST_TEST(verify({store_path("tool-2.1")}) == 1);
    BOOST_TEST(report()["targets"][0]["verdict"] == "incomplete");
    BOOST_TEST(report()["targets"][0]["missing"] == json::array({store_path("lib-1.0")}));
    BOOST_TEST(says("cannot be fetched whole"));
}

BOOST_AUTO_TEST_CASE(a_path_that_nobody_has_is_missing_itself) {
    BOOST_TEST(verify({store_path("app-3")}) == 1);
    BOOST_TEST(report()["targets"][0]["missing"] == json::array({store_path("app-3")}));
}

BOOST_AUTO_TEST_CASE(of_several_paths_each_is_judged_and_wrong_use_weighs_most) {
    serve(own, {"lib-1.0"});
    BOOST_TEST(verify({store_path("app-3"), "/nix/store/nonsense", store_path("lib-1.0") + "/bin/lib"}) == 2);
    BOOST_TEST(report()["causes"].size() == 2U);
    BOOST_REQUIRE(report()["targets"].size() == 2U);
    BOOST_TEST(report()["targets"][0]["verdict"] == "incomplete");
    BOOST_TEST(report()["targets"][1]["name"] == store_path("lib-1.0")); // the path that the file lies in
    BOOST_TEST(report()["targets"][1]["verdict"] == "complete");
    BOOST_TEST(verify({"/nix/store/nonsense", store_path("app-3")}) == 2); // in whatever order
}

BOOST_AUTO_TEST_CASE(what_a_cache_that_is_away_may_have_is_unknown) {
    serve(own, {"lib-1.0", "tool-2.1"});
    own.victim = path("lib-1.0");
    own.fault = Fault::one_path;
    machine.settings.wait_for_caches = 60s;
    BOOST_TEST(verify({store_path("tool-2.1")}) == 5);
    BOOST_TEST(report()["targets"][0]["verdict"] == "unknown");
    BOOST_TEST(says("cannot be known"));
    BOOST_TEST(says("https://own.example"));
}

BOOST_AUTO_TEST_CASE(hosts_are_verified_without_building_and_what_is_missing_is_a_failure) {
    serve(own, {"lib-1.0", "app-3", "desk"});
    BOOST_TEST(verify({}) == 1);
    std::map<std::string, std::string> verdicts;
    auto told = report();
    for (const auto& target : told["targets"]) verdicts[target["name"]] = target["verdict"];
    BOOST_TEST(verdicts["nixos:desk"] == "complete");
    BOOST_TEST(verdicts["nixos:nas"] == "incomplete");
    BOOST_TEST(built().empty());
    BOOST_TEST(published().empty());
}

BOOST_AUTO_TEST_CASE(a_path_is_pushed_with_all_that_it_refers_to) {
    for (const auto* name : {"lib-1.0", "tool-2.1"}) make_valid(name);
    BOOST_TEST(push({store_path("tool-2.1")}) == 0, output + errors);
    BOOST_TEST(published() == (std::vector<std::string>{"lib-1.0", "tool-2.1"}), boost::test_tools::per_element());
    BOOST_TEST(says("2 paths built here ("));
    BOOST_TEST(report()["figures"]["pushed_after"] == 2);
    BOOST_TEST(push({store_path("tool-2.1")}) == 0);
    BOOST_TEST(published().size() == 2U); // nothing goes up twice
    BOOST_TEST(!says("built here ("));
}

BOOST_AUTO_TEST_CASE(paths_come_by_links_and_from_standard_input_too) {
    make_valid("lib-1.0");
    make_valid("app-3");
    input = "  " + store_path("lib-1.0") + "\n\n" + store_path("lib-1.0") + "\n" + store_path("app-3");
    BOOST_TEST(push({"-"}) == 0, output + errors);
    BOOST_TEST(published().size() == 2U);
    input = "\n";
    BOOST_TEST(push({"-"}) == 0); // nothing came, so nothing is to be done
    BOOST_TEST(published().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_dry_push_tells_what_would_go_up) {
    for (const auto* name : {"lib-1.0", "tool-2.1"}) make_valid(name);
    serve(own, {"lib-1.0"});
    machine.settings.dry_run = true;
    BOOST_TEST(push({store_path("tool-2.1")}) == 0, output + errors);
    BOOST_TEST(says("would push 1 path built here ("));
    BOOST_TEST(says("  " + store_path("tool-2.1") + "  "));
    BOOST_TEST(!says(store_path("lib-1.0")));
    BOOST_TEST(published().empty());
    BOOST_TEST(report()["pushes"][0]["reason"] == "dry run");
    serve(own, {"tool-2.1"});
    BOOST_TEST(push({store_path("tool-2.1")}) == 0);
    BOOST_TEST(says("nothing to push\n"));
}

BOOST_AUTO_TEST_CASE(what_is_no_path_or_not_here_is_wrong_use_and_nothing_goes_up) {
    make_valid("app-3");
    BOOST_TEST(push({store_path("app-3"), store_path("lib-1.0")}) == 2);
    BOOST_TEST(says(store_path("lib-1.0") + " is not valid in this machine's store"));
    BOOST_TEST(says("build it first, or check the spelling"));
    BOOST_TEST(push({store_path("app-3"), machine.path("nowhere").string()}) == 2);
    BOOST_TEST(published().empty());
}

BOOST_AUTO_TEST_CASE(what_the_cache_takes_and_does_not_show_is_not_called_published) {
    make_valid("lib-1.0");
    make_valid("app-3");
    own.on_published = [this](const nix::StorePath& path) {
        if (path.name() == "app-3") own.visible.erase(path);
    };
    BOOST_TEST(push({store_path("lib-1.0"), store_path("app-3")}) == 3, output + errors);
    auto told = report();
    for (const auto& one : told["pushes"]) {
        bool is_app = one["path"] == store_path("app-3");
        BOOST_TEST(one["outcome"] == (is_app ? "failed" : "published"));
    }
    BOOST_TEST(clock.elapsed() < 70s);
}

BOOST_AUTO_TEST_CASE(what_the_cache_does_not_take_is_counted) {
    make_valid("app-3");
    own.script = [](MemoryCache::Step, nix::StorePath) -> async::Task<Result<void>> {
        co_return Failure(FailureKind::auth, "HTTP status 403");
    };
    BOOST_TEST(push({store_path("app-3")}) == 3);
    BOOST_TEST(report()["causes"] == json::array({"1 path could not be put into the cache"}));
    BOOST_TEST(report()["pushes"][0]["outcome"] == "failed");
}

BOOST_AUTO_TEST_SUITE_END()
