// doctor, wait and guard as a person sees them: what they say, how long they take, and what runs in the end.
#include "commands_scene.hpp"
#include "options/switch_command.hpp"
#include "report/run_report.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace cachefill;
using namespace cachefill::app;
using namespace cachefill::test;
using namespace std::chrono_literals;
using nlohmann::json;
using options::Command;
using Words = std::vector<std::string>;

namespace {

// A laptop made of a tool, which is made of lib. Its Nix asks the own cache and believes whoever answers.
struct Laptop : CommandScene {
    Laptop()
        : CommandScene(R"(, "require-sigs": {"value": false}, "substituters": {"value": ["https://own.example"]})") {
        derivation("lib");
        derivation("tool", {"lib"});
        host("laptop", {"tool"});
        machine.environment.set("CACHEFILL_HOSTNAME", "laptop");
        machine.settings.interval = 10min;
        for (const auto* program : {"nh", "sudo", "make"}) {
            machine.write("bin/" + std::string(program), "#!/bin/sh\n");
            std::filesystem::permissions(machine.path("bin") / program, std::filesystem::perms::owner_all);
        }
    }

    int doctor() { return perform(Command::doctor, doctor_command); }
    int wait() { return perform(Command::wait, wait_command); }
    int guard(const Words& command) {
        machine.settings.switches = options::parse_switch_command(command).value();
        return perform(Command::guard, guard_command);
    }
    void serve_all() { serve(own, {"lib", "tool", "laptop"}); }
    std::string system() const { return path("laptop").to_string(); }
    // How often it is said that, and why, somebody waits.
    std::size_t times_waited() const {
        std::size_t times = 0;
        for (auto at = errors.find("waiting: "); at != errors.npos; at = errors.find("waiting: ", at + 1)) ++times;
        return times;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(laptop_commands, Laptop)

BOOST_AUTO_TEST_CASE(a_laptop_that_fetches_everything_is_well) {
    serve_all();
    BOOST_TEST(doctor() == 0, output + errors);
    machine.settings.json = "-";
    BOOST_TEST(doctor() == 0);
    auto told = json::parse(output);
    BOOST_TEST(told["healthy"] == true);
    BOOST_TEST(told["target"] == "nixos:laptop");
    BOOST_TEST(told["output"] == system());
    BOOST_TEST(told["fetch"]["paths"] == 3);
}

BOOST_AUTO_TEST_CASE(what_would_be_compiled_is_named_and_is_no_success) {
    serve(own, {"lib"});
    BOOST_TEST(doctor() == 1);
    BOOST_TEST(says("tool"));
    BOOST_TEST(says("laptop"));
}

BOOST_AUTO_TEST_CASE(a_host_that_is_not_there_is_wrong_use_with_those_that_are) {
    machine.environment.set("CACHEFILL_HOSTNAME", "desk");
    BOOST_TEST(doctor() == 2);
    BOOST_TEST(says("the flake has no host named 'desk', as this machine is"));
    BOOST_TEST(says("nixos:laptop"));
    machine.settings.arguments = {"lapptop"};
    BOOST_TEST(doctor() == 2);
    BOOST_TEST(says("did you mean 'laptop'?"), output);
    machine.settings.arguments = {"laptop"};
    serve_all();
    BOOST_TEST(doctor() == 0);
}

BOOST_AUTO_TEST_CASE(a_flake_that_does_not_evaluate_is_a_failure_and_no_diagnosis) {
    hosts[0].failure = Failure(FailureKind::eval, "attribute 'x' missing").with_hint("mend it");
    BOOST_TEST(doctor() == 1);
    BOOST_TEST(says("attribute 'x' missing"));
    BOOST_TEST(says("mend it"));
    hosts[0].failure = Failure(FailureKind::machine, "the disk is full");
    BOOST_TEST(doctor() == 5);
}

BOOST_AUTO_TEST_CASE(what_is_there_already_is_not_waited_for) {
    serve_all();
    BOOST_TEST(wait() == 0, output + errors);
    BOOST_TEST(clock.elapsed() < 1min);
    BOOST_TEST(times_waited() == 0U);
}

BOOST_AUTO_TEST_CASE(what_comes_within_the_time_is_waited_for_and_said_once) {
    serve(own, {"lib"});
    at(2h, [this] { serve(own, {"tool", "laptop"}); });
    BOOST_TEST(wait() == 0, output + errors);
    BOOST_TEST(clock.elapsed() >= 2h);
    BOOST_TEST(clock.elapsed() < 2h + 11min);
    BOOST_TEST(times_waited() == 1U);
    BOOST_TEST(times_told<event::EvaluationStarted>() == 1U); // once is enough
}

BOOST_AUTO_TEST_CASE(what_does_not_come_is_given_up_when_the_time_is_over) {
    serve(own, {"lib"});
    machine.settings.timeout = 65min;
    BOOST_TEST(wait() == 1);
    BOOST_TEST(says("gave up after 1 h 05 min\n"), output);
    BOOST_TEST(clock.elapsed() >= 65min); // the last look is when it ends
    BOOST_TEST(clock.elapsed() < 66min);
    machine.settings.timeout = 0s;
    BOOST_TEST(wait() == 1);
    BOOST_TEST(says("gave up after 0.0 s\n"));
}

BOOST_AUTO_TEST_CASE(what_no_waiting_mends_is_not_waited_for) {
    serve(own, {"lib"});
    serve(upstream, {"lib", "tool", "laptop"}); // which this laptop does not ask
    machine.settings.upstreams = {GivenUrl(upstream.uri().name)};
    BOOST_TEST(wait() == 1);
    BOOST_TEST(says("this will not come by waiting\n"), output);
    BOOST_TEST(clock.elapsed() < 1min);
    hosts[0].failure = Failure(FailureKind::eval, "attribute 'x' missing");
    BOOST_TEST(wait() == 1);
    BOOST_TEST(says("attribute 'x' missing"));
    BOOST_TEST(clock.elapsed() < 1min);
}

BOOST_AUTO_TEST_CASE(a_cache_that_is_away_is_waited_for) {
    serve_all();
    own.fault = Fault::unavailable;
    own.until = 30min;
    daemon.on_query_missing = [this](const auto&) {
        return own.is_away() ? std::vector{path("laptop.drv").to_string()} : std::vector<std::string>();
    };
    BOOST_TEST(wait() == 0, output + errors);
    BOOST_TEST(clock.elapsed() >= 30min);
    BOOST_TEST(clock.elapsed() < 1h);
}

BOOST_AUTO_TEST_CASE(who_would_compile_nothing_is_let_through_with_the_path_that_was_looked_at) {
    serve_all();
    BOOST_TEST(guard({"nh", "os", "switch", "--ask"}) == 0, output + errors);
    BOOST_TEST(replacement == (Words{"nh", "os", "switch", "--ask", system()}), boost::test_tools::per_element());
    BOOST_TEST(says("running: nh os switch --ask " + system() + "\n"));
    BOOST_TEST(fetched() == Words{"laptop"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_command_that_takes_no_path_runs_as_it_was_typed) {
    serve_all();
    for (const auto& command : std::vector<Words>{{"sudo", "nixos-rebuild", "switch"}, {"make", "switch"}}) {
        BOOST_TEST(guard(command) == 0, output + errors);
        BOOST_TEST(replacement == command, boost::test_tools::per_element());
    }
    BOOST_TEST(fetched().empty());
}

BOOST_AUTO_TEST_CASE(who_would_compile_is_stopped_and_told_what) {
    serve(own, {"lib"});
    BOOST_TEST(guard({"nh", "os", "switch"}) == 1);
    BOOST_TEST(replacement.empty());
    BOOST_TEST(says("not run: nh os switch\n"), output);
    BOOST_TEST(says("tool"));
    BOOST_TEST(fetched().empty());
}

BOOST_AUTO_TEST_CASE(what_may_be_compiled_by_name_is_let_through_as_it_was_typed) {
    serve(own, {"lib"});
    machine.settings.allow = {"tool"};
    BOOST_TEST(guard({"nh", "os", "switch"}) == 1); // the laptop itself is another
    BOOST_TEST(replacement.empty());
    machine.settings.allow = {"to?l", "lap*"};
    BOOST_TEST(guard({"nh", "os", "switch"}) == 0, output);
    BOOST_TEST(replacement == (Words{"nh", "os", "switch"}), boost::test_tools::per_element());
    BOOST_TEST(fetched().empty()); // what is to be built is left to the command
}

BOOST_AUTO_TEST_CASE(a_command_that_switches_another_kind_is_refused) {
    serve_all();
    BOOST_TEST(guard({"nh", "home", "switch"}) == 2);
    BOOST_TEST(replacement.empty());
    BOOST_TEST(says("not run: nh home switch\n"), output);
    BOOST_TEST(guard({"nh", "os", "switch", "-H", "desk"}) == 2);
    BOOST_TEST(says("'desk'"));
    BOOST_TEST(replacement.empty());
}

BOOST_AUTO_TEST_CASE(nothing_is_run_while_it_is_not_known_what_it_would_do) {
    serve_all();
    own.fault = Fault::refused;
    daemon.on_query_missing = [](const auto&) { return std::vector{path("laptop.drv").to_string()}; };
    BOOST_TEST(guard({"nh", "os", "switch"}) != 0);
    BOOST_TEST(replacement.empty());
    hosts[0].failure = Failure(FailureKind::eval, "attribute 'x' missing");
    BOOST_TEST(guard({"nh", "os", "switch"}) == 1);
    BOOST_TEST(replacement.empty());
    BOOST_TEST(says("not run: "));
}

BOOST_AUTO_TEST_CASE(a_program_that_is_not_there_is_told_before_anything_is_looked_at) {
    serve_all();
    BOOST_TEST(guard({"nixos-rebuild", "switch"}) == 2);
    BOOST_TEST(complains("there is no program 'nixos-rebuild' on PATH"));
    BOOST_TEST(replacement.empty());
    BOOST_TEST(times_told<event::EvaluationStarted>() == 0U);
}

BOOST_AUTO_TEST_CASE(without_a_terminal_nobody_says_yes) {
    serve(own, {"lib"});
    machine.settings.ask = true;
    input = "y\n";
    BOOST_TEST(guard({"nh", "os", "switch"}) == 1);
    BOOST_TEST(replacement.empty());
}

BOOST_AUTO_TEST_CASE(an_answer_that_cannot_be_written_runs_nothing) {
    serve_all();
    machine.settings.json = machine.path("no-folder/answer.json").string();
    BOOST_TEST(guard({"nh", "os", "switch"}) == 5);
    BOOST_TEST(replacement.empty());
    BOOST_TEST(complains("No such file or directory"));
}

BOOST_AUTO_TEST_SUITE_END()
