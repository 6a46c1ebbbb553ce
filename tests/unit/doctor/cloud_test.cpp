#include "base/files.hpp"
#include "doctor/cloud.hpp"
#include "unit/github/harness.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::doctor;
using namespace cachefill::test;
using github::RunState;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

std::vector<github::WorkflowRun> runs_in(const std::vector<RunState>& states) {
    std::vector<github::WorkflowRun> runs;
    for (auto state : states) {
        github::WorkflowRun run;
        run.id = runs.size() + 1;
        run.state = state;
        runs.push_back(std::move(run));
    }
    return runs;
}

// What the cloud of this repository says of the commit.
CloudFacts ask(json runs, std::vector<std::string> workflows = {}, std::chrono::seconds pushed_ago = 1h,
               const std::string& branch = "main") {
    GithubServer server;
    server.set(repository_with(std::move(runs)));
    CloudFacts facts;
    auto body = [&](github::RestClient&, github::ActionsApi& api) -> async::Task<void> {
        facts = co_await ask_cloud(api, sha, branch, workflows, pushed_ago);
    };
    with_rest(server, "", body);
    return facts;
}

json run_of(std::uint64_t id, const std::string& status, const std::string& conclusion = {},
            const std::string& commit = sha) {
    json frame = {{"status", status}};
    if (!conclusion.empty()) frame["conclusion"] = conclusion;
    return {{"id", id}, {"sha", commit}, {"branch", "main"}, {"number", id}, {"frames", json::array({frame})}};
}

} // namespace

BOOST_AUTO_TEST_SUITE(doctor_cloud)

BOOST_AUTO_TEST_CASE(of_several_runs_the_one_counts_that_may_still_fill) {
    struct Row {
        std::vector<RunState> states;
        CloudState verdict;
        std::size_t deciding;
    };
    for (const auto& row : {
             Row{{}, CloudState::no_run, 9},
             Row{{RunState::skipped}, CloudState::no_run, 9},
             Row{{RunState::succeeded}, CloudState::succeeded, 0},
             Row{{RunState::succeeded, RunState::cancelled}, CloudState::cancelled, 1},
             Row{{RunState::cancelled, RunState::failed}, CloudState::failed, 1},
             Row{{RunState::failed, RunState::needs_action}, CloudState::needs_action, 1},
             Row{{RunState::needs_action, RunState::queued}, CloudState::queued, 1},
             Row{{RunState::queued, RunState::failed, RunState::in_progress}, CloudState::in_progress, 2},
             Row{{RunState::failed, RunState::failed}, CloudState::failed, 0},
         }) {
        std::size_t deciding = 9;
        BOOST_TEST((judge_runs(runs_in(row.states), deciding) == row.verdict));
        BOOST_TEST(deciding == row.deciding);
    }
}

BOOST_AUTO_TEST_CASE(how_far_it_is_is_told_by_its_jobs_and_their_steps) {
    CloudFacts facts;
    BOOST_TEST(facts.progress() == "");
    BOOST_TEST((facts.run() == nullptr));
    github::WorkflowJob done, running, waiting;
    done.state = RunState::succeeded;
    running.name = "x86_64-linux";
    running.state = RunState::in_progress;
    facts.jobs = {done, running, waiting};
    BOOST_TEST(facts.progress() == "1 of 3 jobs done; x86_64-linux");
    facts.jobs[1].steps = {{.name = "Checkout", .state = RunState::succeeded},
                           {.name = "Build", .state = RunState::in_progress},
                           {.name = "Push", .state = RunState::queued}};
    BOOST_TEST(facts.progress() == "1 of 3 jobs done; x86_64-linux: Build (1 of 3 steps done)");
    facts.jobs = {done};
    BOOST_TEST(facts.progress() == "1 of 1 job done");
}

BOOST_AUTO_TEST_CASE(a_run_that_is_at_it_is_told_with_its_jobs) {
    json job = {{"name", "build"}, {"status", "in_progress"}};
    auto run = run_of(7, "in_progress");
    run["frames"][0]["jobs"] = json::array({job});
    auto facts = ask(json::array({run}));
    BOOST_TEST((facts.state == CloudState::in_progress));
    BOOST_REQUIRE((facts.run() != nullptr));
    BOOST_TEST(facts.run()->id == 7U);
    BOOST_TEST(facts.progress() == "0 of 1 job done; build");
}

BOOST_AUTO_TEST_CASE(a_run_that_is_over_needs_no_jobs_unless_it_failed) {
    auto succeeded = ask(json::array({run_of(7, "completed", "success")}));
    BOOST_TEST((succeeded.state == CloudState::succeeded));
    BOOST_TEST(succeeded.jobs.empty());
    auto failed = run_of(7, "completed", "failure");
    failed["frames"][0]["jobs"] =
        json::array({{{"name", "build"}, {"status", "completed"}, {"conclusion", "failure"}}});
    BOOST_TEST(ask(json::array({failed})).jobs.size() == 1U);
}

BOOST_AUTO_TEST_CASE(other_workflows_do_not_count) {
    auto runs = json::array({run_of(7, "in_progress")});
    BOOST_TEST((ask(runs, {"fill.yml"}).state == CloudState::in_progress));
    BOOST_TEST((ask(runs, {"lint.yml"}).state == CloudState::no_run));
}

BOOST_AUTO_TEST_CASE(soon_after_a_push_its_run_may_still_show_up) {
    BOOST_TEST((ask(json::array(), {}, 5s).state == CloudState::no_run_yet));
    BOOST_TEST((ask(json::array(), {}, 10min).state == CloudState::no_run));
}

BOOST_AUTO_TEST_CASE(without_a_run_of_its_own_what_goes_on_beside_it_is_told) {
    const std::string other(40, 'f');
    auto runs = json::array({run_of(8, "in_progress", {}, other), run_of(9, "completed", "success", other)});
    auto facts = ask(runs);
    BOOST_REQUIRE(facts.others.size() == 1U);
    BOOST_TEST(facts.others[0].id == 8U);
    BOOST_TEST(ask(runs, {"lint.yml"}).others.empty());
    BOOST_TEST(ask(runs, {}, 1h, "").others.empty()); // on no branch
}

BOOST_AUTO_TEST_CASE(a_github_that_refuses_leaves_it_unknown_and_says_why) {
    GithubServer::Settings settings;
    settings.tokens = {"good"};
    GithubServer server(settings);
    server.set(repository_with(json::array()));
    auto body = [](github::RestClient&, github::ActionsApi& api) -> async::Task<void> {
        std::vector<std::string> workflows;
        auto facts = co_await ask_cloud(api, sha, "main", std::move(workflows), 1h);
        BOOST_TEST((facts.state == CloudState::unknown));
        BOOST_TEST(facts.failure.has_value());
    };
    with_rest(server, "bad", body);
}

BOOST_AUTO_TEST_CASE(workflows_that_fill_are_found_by_what_they_mention) {
    auto directory = TemporaryDirectory::make("cachefill-workflows-").value();
    BOOST_TEST(filling_workflows(directory.path()).empty());
    auto workflows = directory.path() / ".github/workflows";
    std::filesystem::create_directories(workflows);
    auto write = [&](const std::string& name, const std::string& text) {
        BOOST_REQUIRE(write_file_atomically(workflows / name, text).has_value());
    };
    write("zz.yml", "uses: somebody/cachefill@v1");
    write("fill.yaml", "run: cachefill run");
    write("lint.yml", "run: make lint");
    write("notes.md", "cachefill");
    BOOST_TEST((filling_workflows(directory.path()) == std::vector<std::string>{"fill.yaml", "zz.yml"}));
}

BOOST_AUTO_TEST_SUITE_END()
