// A step of GitHub Actions as its runner sees it: log, outputs, summary, and how it ends.
#include "app/hand_out.hpp"
#include "base/text.hpp"
#include "commands_scene.hpp"
#include "report/run_report.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <csignal>

using namespace cachefill;
using namespace cachefill::app;
using namespace cachefill::test;
using namespace std::chrono_literals;
using event::Severity;
using nlohmann::json;
using options::Command;

namespace {

// nas needs tool, which needs lib.
struct Step : CommandScene {
    Step() {
        derivation("lib");
        derivation("tool", {"lib"});
        host("nas", {"tool"});
        machine.settings.on_github = true;
        machine.settings.json = machine.path("report.json").string();
        ci.emplace();
        ci->github.repository = "o/r";
        ci->github.event = "push";
        ci->github.branch = "main";
        ci->github.run_id = 7;
        ci->github.author = github::Author::repository;
        ci->github.output_file = machine.path("output");
        ci->github.summary_file = machine.path("summary");
        machine.write("output", "");
        machine.write("summary", "");
    }

    int step() { return perform(Command::ci, ci_command); }
    // What later steps read; of a name that was written twice the last counts.
    std::map<std::string, std::string> outputs() const { return outputs_in(read_file(machine.path("output")).value()); }
    static std::map<std::string, std::string> outputs_in(const std::string& text) {
        std::map<std::string, std::string> found;
        std::string name, delimiter, value;
        for (auto piece : split(std::string_view(text), '\n')) {
            std::string line(piece);
            if (delimiter.empty()) {
                auto mark = line.find("<<");
                if (mark == line.npos) continue;
                name = line.substr(0, mark), delimiter = line.substr(mark + 2), value.clear();
            } else if (line == delimiter) {
                found[name] = value, delimiter.clear();
            } else {
                value += (value.empty() ? "" : "\n") + line;
            }
        }
        return found;
    }
    std::string summary() const { return read_file(machine.path("summary")).value(); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(ci_step, Step)

BOOST_AUTO_TEST_CASE(later_steps_get_the_verdict_and_people_a_summary) {
    BOOST_TEST(step() == 0, output + errors);
    BOOST_TEST(published().size() == 3U);
    auto told = outputs();
    BOOST_TEST(told["complete"] == "true");
    BOOST_TEST(json::parse(told["hosts"])["nixos:nas"] == "complete");
    BOOST_TEST(told["rerun"] == "false");
    BOOST_TEST(told["trusted"] == "true");
    BOOST_TEST(told["report"] == machine.settings.json);
    BOOST_TEST(summary().find("nas") != std::string::npos);
    BOOST_TEST(errors == ""); // one stream, in order
    BOOST_TEST(json::parse(read_file(machine.settings.json).value())["exit_code"] == 0);
}

BOOST_AUTO_TEST_CASE(a_failed_step_hands_over_all_the_same) {
    builds["tool"].error = "builder failed with exit code 2";
    BOOST_TEST(step() == 1);
    auto told = outputs();
    BOOST_TEST(told["complete"] == "false");
    BOOST_TEST(json::parse(told["hosts"])["nixos:nas"] == "incomplete");
    BOOST_TEST(summary().find("builder failed with exit code 2") != std::string::npos);
    BOOST_TEST(says("::error"));
}

BOOST_AUTO_TEST_CASE(what_does_not_get_into_the_cache_is_an_annotation) {
    own.script = [](MemoryCache::Step, nix::StorePath) -> async::Task<Result<void>> {
        co_return Failure(FailureKind::auth, "HTTP status 403");
    };
    BOOST_TEST(step() == 3);
    BOOST_TEST(says("::error"));
    BOOST_TEST(says("HTTP status 403"));
}

BOOST_AUTO_TEST_CASE(remarks_of_the_setup_come_first_and_notices_are_annotations) {
    ci->remarks.push_back({.severity = Severity::notice, .text = "a pull request of a fork", .hint = "it is built"});
    ci->github.author = github::Author::fork;
    BOOST_TEST(step() == 0);
    BOOST_TEST(says("::notice"));
    BOOST_TEST(output.find("a pull request of a fork%0Ait is built") < output.find("nas"));
    BOOST_TEST(outputs()["trusted"] == "false");
}

BOOST_AUTO_TEST_CASE(a_dry_run_builds_and_pushes_nothing) {
    machine.settings.dry_run = true;
    BOOST_TEST(step() == 0, output);
    BOOST_TEST(built().empty());
    BOOST_TEST(published().empty());
    BOOST_TEST(outputs()["complete"] == "false");
}

BOOST_AUTO_TEST_CASE(a_step_that_plans_for_shards_hands_over_their_matrix_and_builds_nothing) {
    machine.settings.shards = 4;
    machine.settings.matrix = true;
    machine.settings.runners = {{"x86_64-linux", {"self-hosted"}}};
    BOOST_TEST(step() == 0, output);
    BOOST_TEST(built().empty());
    auto told = outputs();
    BOOST_TEST(told["shards"] == "1");
    auto rows = json::parse(told["matrix"])["include"];
    BOOST_REQUIRE(rows.size() == 1U);
    BOOST_TEST(rows[0]["shard"] == 1);
    BOOST_TEST(rows[0]["runs-on"] == "self-hosted");
    BOOST_TEST(told["complete"] == "false");
    BOOST_TEST(summary().find("### Shards") != std::string::npos);
    BOOST_TEST(says("3 derivations on 1 shard"));
    auto report = json::parse(read_file(machine.settings.json).value());
    BOOST_TEST(report["command"] == "plan"); // the report, as after any step, and no document about shards
}

BOOST_AUTO_TEST_CASE(later_jobs_get_what_was_handed_out_by_its_names) {
    HandedOut handed_out;
    handed_out.cut.shards.resize(3);
    handed_out.matrix = "{}";
    handed_out.bundle = "/tmp/bundle";
    std::map<std::string, std::string> told;
    for (auto& [name, value] : handed_out.step_outputs()) told[name] = value;
    std::map<std::string, std::string> wanted{{"matrix", "{}"}, {"shards", "3"}, {"bundle", "/tmp/bundle"}};
    BOOST_TEST((told == wanted));
}

BOOST_AUTO_TEST_CASE(a_single_shard_on_a_machine_like_this_one_is_left_to_the_last_job) {
    machine.settings.shards = 4;
    machine.settings.matrix = true;
    BOOST_TEST(step() == 0, output);
    BOOST_TEST(outputs()["shards"] == "0");
    BOOST_TEST(says("3 derivations for the last job alone: no shard is needed"));
}

BOOST_AUTO_TEST_CASE(a_step_without_shards_leaves_their_outputs_empty) {
    BOOST_TEST(step() == 0, output);
    auto told = outputs();
    for (const auto* name : {"matrix", "shards", "bundle"}) {
        BOOST_TEST(told.count(name) == 1U, name);
        BOOST_TEST(told[name] == "", name);
    }
    BOOST_TEST(summary().find("### Shards") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(where_nothing_may_be_pushed_there_is_no_shard) {
    machine.settings.shards = 4;
    machine.settings.matrix = true;
    machine.settings.read_only = true;
    machine.settings.runners = {{"x86_64-linux", {"self-hosted"}}};
    BOOST_TEST(step() == 0, output);
    BOOST_TEST(outputs()["shards"] == "0");
    BOOST_TEST(outputs()["matrix"] == R"({"include":[]})");
}

BOOST_AUTO_TEST_CASE(a_plan_that_was_not_made_has_no_shards_neither_none_nor_some) {
    machine.settings.shards = 4;
    machine.settings.matrix = true;
    interrupt_at(0s, SIGTERM);
    BOOST_TEST(step() == 143, output);
    BOOST_TEST(outputs()["shards"] == "");
    BOOST_TEST(outputs()["matrix"] == "");
}

BOOST_AUTO_TEST_CASE(a_bundle_that_cannot_be_written_fails_the_step_and_starts_no_shard) {
    machine.settings.shards = 4;
    machine.settings.matrix = true;
    machine.settings.bundle = machine.path("no-folder/bundle").string();
    BOOST_TEST(step() == 5, output);
    BOOST_TEST(outputs()["shards"] == "");
    BOOST_TEST(says("handing the plan to shards"));
    BOOST_TEST(outputs()["exit-code"] == "5");
}

BOOST_AUTO_TEST_CASE(a_step_that_is_ended_says_what_there_is_and_starts_nothing_again) {
    builds["tool"].takes = 5h;
    machine.settings.on_deadline = options::OnDeadline::rerun;
    interrupt_at(1h, SIGTERM);
    BOOST_TEST(step() == 143);
    BOOST_TEST(outputs()["rerun"] == "false");
    BOOST_TEST(summary().find("nas") != std::string::npos);
    BOOST_TEST(!says("started again"));
}

BOOST_AUTO_TEST_CASE(a_deadline_without_a_token_says_what_a_new_start_would_need) {
    builds["tool"].takes = 5h;
    machine.settings.deadline = 1h;
    machine.settings.on_deadline = options::OnDeadline::rerun;
    BOOST_TEST(step() == 4, output);
    BOOST_TEST(says("the workflow cannot be started again from here"));
    BOOST_TEST(says("CACHEFILL_GITHUB_TOKEN"));
    BOOST_TEST(outputs()["rerun"] == "false");
}

BOOST_AUTO_TEST_CASE(files_of_the_runner_that_cannot_be_written_cost_an_annotation_and_not_the_run) {
    ci->github.output_file = machine.path("no-folder/output");
    ci->github.summary_file = machine.path("no-folder/summary");
    BOOST_TEST(step() == 0, output);
    BOOST_TEST(says("writing the outputs of the step"));
    BOOST_TEST(output.find("writing the outputs") == output.rfind("writing the outputs")); // said once, not of each
    BOOST_TEST(says("writing the summary of the step"));
    BOOST_TEST(published().size() == 3U);
    ci->github.output_file.clear();
    ci->github.summary_file.clear(); // a runner that has none
    BOOST_TEST(step() == 0);
    BOOST_TEST(!says("writing the"));
}

BOOST_AUTO_TEST_CASE(a_step_that_cannot_start_answers_in_the_same_way) {
    machine.environment.set("GITHUB_OUTPUT", machine.path("output").string());
    machine.environment.set("GITHUB_STEP_SUMMARY", machine.path("summary").string());
    machine.environment.set("GITHUB_ACTIONS", "true");
    auto refused = [this](FailureKind kind) {
        CapturedOutput captured;
        code = refuse_step(Failure(kind, "the input 'hots' is none").with_hint("did you mean 'hosts'?"),
                           machine.environment, machine.path("refused.json").string());
        output = captured.output();
        return code;
    };
    BOOST_TEST(refused(FailureKind::usage) == 2);
    BOOST_TEST(says("::error"));
    BOOST_TEST(says("the input 'hots' is none"));
    BOOST_TEST(says("did you mean 'hosts'?"));
    BOOST_TEST(outputs()["complete"] == "false");
    BOOST_TEST(outputs()["report"] == machine.path("refused.json").string());
    BOOST_TEST(read_file(machine.path("refused.json")).value().find("the input 'hots' is none") != std::string::npos);
    BOOST_TEST(summary().find("the input 'hots' is none") != std::string::npos);
    BOOST_TEST(refused(FailureKind::auth) == 5);
}

BOOST_AUTO_TEST_SUITE_END()
