// Whole examinations, with twins of everything outside: what would be compiled here, and the first reason for it.
#include "async/child_process.hpp"
#include "base/text.hpp"
#include "doctor/doctor.hpp"
#include "event/event.hpp"
#include "support/github_server.hpp"
#include "support/twins.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::doctor;
using namespace cachefill::test;
using namespace std::chrono_literals;
using nlohmann::json;
using Names = std::vector<std::string>;

namespace {

// A laptop made of a tool, which is made of lib. Its Nix asks the own cache and believes whoever answers.
struct Laptop : Twins {
    Laptop() : Twins(R"(, "require-sigs": {"value": false}, "substituters": {"value": ["https://own.example"]})") {
        derivation("lib");
        derivation("tool", {"lib"});
        host("laptop", {"tool"});
        machine.environment.set("CACHEFILL_HOSTNAME", "laptop");
        machine.environment.set("GIT_CONFIG_GLOBAL", "/dev/null");
        machine.environment.set("GIT_CONFIG_NOSYSTEM", "1");
        machine.environment.set("GIT_ALLOW_PROTOCOL", "file"); // nobody outside is asked
        for (const auto* who : {"AUTHOR", "COMMITTER"}) {
            machine.environment.set("GIT_" + std::string(who) + "_NAME", "Kim");
            machine.environment.set("GIT_" + std::string(who) + "_EMAIL", "kim@example.org");
        }
    }

    Examination seen; // last
    void examine(std::function<void()> and_then = {}) {
        play([this, and_then](session::Session& session) -> async::Task<void> {
            Doctor doctor(session);
            seen = co_await doctor.examine();
            if (!and_then) co_return;
            and_then();
            seen = co_await doctor.examine();
        });
        for (const auto& failure : seen.failures) BOOST_TEST_MESSAGE(failure.one_line());
    }
    Names heavy() const {
        Names names;
        for (const auto& one : seen.evidence.heavy) names.push_back(one.name);
        std::sort(names.begin(), names.end());
        return names;
    }
    // The primary one; "" for none.
    std::string reason() const {
        return seen.reasons.empty() ? std::string() : std::string(to_string(seen.reasons.front().cause));
    }

    // The flake lies in a git work tree whose one commit is on GitHub, unless it is not pushed.
    std::string git(std::vector<std::string> arguments) {
        async::ProcessSpec spec;
        spec.arguments = {"git", "-C", machine.path("fleet").string()};
        spec.arguments.insert(spec.arguments.end(), arguments.begin(), arguments.end());
        spec.environment = machine.environment;
        auto run = run_task<Result<async::FinishedProcess>>([&](async::Executor) {
            auto given = spec;
            return async::run_process(std::move(given), 30s);
        });
        BOOST_REQUIRE(run.has_value());
        BOOST_REQUIRE_MESSAGE(run->status.success(), run->error);
        return std::string(trim(run->output));
    }
    std::string commit;
    void have_git(bool is_pushed = true) {
        std::filesystem::create_directories(machine.path("fleet"));
        flake.directory = std::filesystem::canonical(machine.path("fleet"));
        git({"init", "-q", "-b", "main"});
        machine.write("fleet/flake.nix", "{ }");
        git({"add", "flake.nix"});
        git({"commit", "-q", "-m", "a flake"});
        git({"remote", "add", "origin", "https://github.com/o/r.git"});
        if (is_pushed) git({"update-ref", "refs/remotes/origin/main", "HEAD"});
        commit = git({"rev-parse", "HEAD"});
    }
    // What GitHub says of the commit's only run.
    std::optional<GithubServer> github;
    void have_run(json frame) {
        have_git();
        github.emplace();
        json run = {
            {"id", 7}, {"sha", commit}, {"branch", "main"}, {"number", 3}, {"frames", json::array({std::move(frame)})}};
        json repository = {{"branches", {{"main", commit}}}, {"runs", json::array({std::move(run)})}};
        github->set({{"o/r", std::move(repository)}});
        machine.environment.set("GITHUB_API_URL", github->url());
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(doctor_whole, Laptop)

BOOST_AUTO_TEST_CASE(a_machine_that_fetches_everything_is_well) {
    serve(own, {"lib", "tool", "laptop"});
    examine();
    BOOST_TEST(seen.is_healthy());
    BOOST_TEST(seen.reasons.empty());
    BOOST_TEST(seen.evidence.target == "nixos:laptop");
    BOOST_TEST(seen.evidence.output == path("laptop").to_string());
    BOOST_TEST(seen.fetches == 3U);
    BOOST_TEST(seen.daemon_said == ""); // it was asked, and said the same
    BOOST_TEST(built().empty());
    BOOST_TEST(fetched().empty());
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_named_with_what_needs_it) {
    serve(own, {"lib"});
    examine();
    BOOST_TEST(heavy() == (Names{"laptop", "tool"}), boost::test_tools::per_element());
    BOOST_TEST(reason() == "not-built");
    BOOST_TEST(seen.unmeasured == 2U);
    BOOST_TEST(seen.expected == 0min);
    BOOST_TEST(seen.daemon_said != ""); // it would remember what is absent
    auto tool = std::find_if(seen.evidence.heavy.begin(), seen.evidence.heavy.end(),
                             [](const auto& one) { return one.name == "tool"; });
    BOOST_TEST(tool->needed_by == Names{"laptop"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_here_already_needs_no_cache) {
    for (const auto* name : {"lib", "tool", "laptop"}) make_valid(name);
    examine();
    BOOST_TEST(seen.is_healthy());
    BOOST_TEST(seen.fetches == 0U);
}

BOOST_AUTO_TEST_CASE(looked_at_again_it_asks_afresh_what_was_lacking) {
    serve(own, {"lib"});
    examine([this] {
        BOOST_TEST(reason() == "not-built");
        serve(own, {"tool", "laptop"});
    });
    BOOST_TEST(seen.is_healthy());
    BOOST_TEST(times_told<event::EvaluationStarted>() == 1U);
}

BOOST_AUTO_TEST_CASE(a_cache_that_is_away_is_not_taken_for_an_empty_one) {
    serve(own, {"lib", "tool", "laptop"});
    own.fault = Fault::unavailable;
    daemon.on_query_missing = [](const auto&) { return std::vector{path("laptop.drv").to_string()}; }; // nor can it
    examine();
    BOOST_TEST(seen.failures.empty());
    BOOST_TEST(reason() == "cannot-ask");
    BOOST_REQUIRE(seen.evidence.cannot_ask.size() == 1U);
    BOOST_TEST(seen.evidence.cannot_ask[0].find("own.example") != std::string::npos, seen.evidence.cannot_ask[0]);
    BOOST_TEST(clock.elapsed() < 30s);
}

BOOST_AUTO_TEST_CASE(what_only_a_cache_has_that_is_not_asked_is_told_so) {
    serve(own, {"lib"});
    serve(upstream, {"lib", "tool", "laptop"});
    machine.settings.upstreams = {GivenUrl(upstream.uri().name)};
    examine();
    BOOST_TEST(reason() == "not-a-substituter");
    BOOST_REQUIRE(seen.evidence.not_asked.size() == 1U);
    BOOST_TEST(seen.evidence.not_asked[0].url == "https://upstream.example");
}

BOOST_AUTO_TEST_CASE(a_hole_is_told_from_what_was_never_there) {
    serve(own, {"lib", "laptop"}); // laptop refers to tool
    examine();
    BOOST_TEST(reason() == "hole");
    BOOST_TEST(seen.evidence.holes == Names{path("tool").to_string()}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_daemon_that_says_no_remembers_an_old_answer) {
    serve(own, {"lib", "tool", "laptop"});
    daemon.on_query_missing = [](const auto&) { return std::vector{path("laptop.drv").to_string()}; };
    examine();
    BOOST_TEST(heavy() == Names{"laptop"}, boost::test_tools::per_element());
    BOOST_TEST(reason() == "stale-absence");
    BOOST_TEST(seen.evidence.absence_until.has_value());
}

BOOST_AUTO_TEST_CASE(a_host_that_is_not_there_is_a_wrong_word) {
    machine.environment.set("CACHEFILL_HOSTNAME", "desk");
    examine();
    BOOST_REQUIRE(seen.failures.size() == 1U);
    BOOST_TEST((seen.failures[0].kind() == FailureKind::usage));
    BOOST_TEST(seen.reasons.empty());
}

BOOST_AUTO_TEST_CASE(a_host_that_does_not_evaluate_is_all_there_is_to_say) {
    hosts[0].failure = Failure(FailureKind::eval, "attribute 'x' missing");
    examine();
    BOOST_REQUIRE(seen.failures.size() == 1U);
    BOOST_TEST(seen.failures[0].cause() == "attribute 'x' missing");
    BOOST_TEST(own.questions == 0U);
}

BOOST_AUTO_TEST_CASE(of_a_commit_that_is_not_pushed_the_cloud_knows_nothing) {
    have_git(false);
    examine();
    BOOST_TEST(reason() == "commit-not-pushed");
}

BOOST_AUTO_TEST_CASE(changes_that_give_another_system_are_the_reason) {
    derivation("laptop-committed", {"tool"});
    hosts[0].committed = "laptop-committed";
    serve(own, {"lib", "tool", "laptop-committed"});
    have_git();
    machine.write("fleet/flake.nix", "{ changed = true; }");
    examine();
    BOOST_TEST(heavy() == Names{"laptop"}, boost::test_tools::per_element());
    BOOST_TEST(reason() == "tree-differs");
    BOOST_TEST(seen.evidence.commit_gives_the_same.value_or(true) == false);
    BOOST_TEST(seen.evidence.commit_is_fetchable);
}

BOOST_AUTO_TEST_CASE(changes_that_give_the_same_are_none) {
    have_run({{"status", "queued"}});
    machine.write("fleet/flake.nix", "{ changed = true; }");
    examine();
    BOOST_TEST(seen.evidence.commit_gives_the_same.value_or(false));
    BOOST_TEST(reason() == "run-queued");
}

BOOST_AUTO_TEST_CASE(how_the_action_stands_is_told_by_github) {
    struct Row {
        json frame;
        const char* reason;
    };
    for (const auto& row :
         {Row{{{"status", "queued"}}, "run-queued"}, Row{{{"status", "in_progress"}}, "run-in-progress"},
          Row{{{"status", "completed"}, {"conclusion", "failure"}}, "run-failed"},
          Row{{{"status", "completed"}, {"conclusion", "success"}}, "evicted"}}) {
        Laptop laptop;
        laptop.have_run(row.frame);
        laptop.examine();
        BOOST_TEST(laptop.reason() == row.reason);
        BOOST_TEST(laptop.heavy() == (Names{"laptop", "lib", "tool"}), boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(fetching_asks_the_daemon_for_the_whole_system) {
    serve(own, {"lib", "tool", "laptop"});
    play([this](session::Session& session) -> async::Task<void> {
        Doctor doctor(session);
        seen = co_await doctor.examine();
        auto fetched = co_await doctor.fetch_output();
        BOOST_TEST(fetched.has_value());
    });
    BOOST_TEST(fetched() == Names{"laptop"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
