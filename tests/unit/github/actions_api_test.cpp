#include "github/author.hpp"
#include "unit/github/harness.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using github::ActionsApi;
using github::RestClient;
using github::RunState;
using nlohmann::json;

BOOST_AUTO_TEST_SUITE(github_actions_api)

BOOST_AUTO_TEST_CASE(a_run_is_followed_from_queued_to_its_end_with_its_jobs_and_steps) {
    GithubServer server;
    json build = {{"name", "Build"}, {"status", "in_progress"}};
    json checkout = {{"name", "Checkout"}, {"status", "completed"}, {"conclusion", "success"}};
    json job = {{"name", "x86_64-linux"}, {"status", "in_progress"}, {"steps", {checkout, build}}};
    json running = {{"status", "in_progress"}, {"jobs", json::array({job})}};
    server.set(repository_with(json::array(
        {one_run({{{"status", "queued"}}, running, {{"status", "completed"}, {"conclusion", "timed_out"}}})})));
    auto body = [](RestClient&, ActionsApi& api) -> Task<void> {
        auto first = co_await api.runs_of_commit(sha);
        BOOST_REQUIRE(first.has_value());
        BOOST_TEST((first->at(0).state == RunState::queued));
        BOOST_TEST(first->at(0).workflow_file == "fill.yml");
        BOOST_TEST(first->at(0).url == "https://github.com/o/r/actions/runs/7");
        BOOST_TEST((first->at(0).created != github::Moment{}));
        auto second = co_await api.runs_of_commit(sha);
        BOOST_TEST((second->at(0).state == RunState::in_progress));
        auto jobs = co_await api.jobs_of_run(7);
        BOOST_REQUIRE(jobs.has_value());
        BOOST_REQUIRE(jobs->size() == 1U);
        BOOST_TEST(jobs->at(0).name == "x86_64-linux");
        BOOST_TEST(jobs->at(0).steps_done() == 1U);
        BOOST_TEST(jobs->at(0).current_step() == "Build");
        auto third = co_await api.runs_of_commit(sha);
        BOOST_TEST((third->at(0).state == RunState::failed));
        BOOST_TEST(third->at(0).conclusion == "timed_out");
    };
    with_rest(server, "", body);
}

BOOST_AUTO_TEST_CASE(a_workflow_is_started_on_a_branch_with_its_inputs) {
    GithubServer::Settings settings;
    settings.tokens = {"good"};
    GithubServer server(settings);
    server.set(repository_with(json::array()));
    auto body = [](RestClient&, ActionsApi& api) -> Task<void> {
        std::map<std::string, std::string> inputs{{"attempt", "2"}};
        auto started = co_await api.dispatch("fill.yml", "develop", inputs);
        BOOST_TEST(started.has_value());
    };
    with_rest(server, "good", body);
    BOOST_REQUIRE(server.dispatches().size() == 1U);
    BOOST_TEST(server.dispatches()[0]["workflow"] == "fill.yml");
    BOOST_TEST(server.dispatches()[0]["ref"] == "develop");
    BOOST_TEST(server.dispatches()[0]["inputs"]["attempt"] == "2");
}

BOOST_AUTO_TEST_CASE(starting_a_workflow_is_not_repeated_when_the_answer_got_lost) {
    GithubServer::Settings settings;
    settings.tokens = {"good"};
    GithubServer server(settings);
    server.set(repository_with(json::array()));
    server.fail_next(HttpReply(502));
    auto body = [](RestClient&, ActionsApi& api) -> Task<void> {
        auto started = co_await api.dispatch("fill.yml", "develop");
        BOOST_TEST(!started.has_value());
    };
    with_rest(server, "good", body);
    BOOST_TEST(server.log().size() == 1U);
}

BOOST_AUTO_TEST_CASE(every_word_of_github_for_a_run_has_its_meaning) {
    using github::parse_state;
    for (const auto* status : {"requested", "queued", "pending", "waiting"})
        BOOST_TEST((parse_state(status, "") == RunState::queued));
    BOOST_TEST((parse_state("in_progress", "") == RunState::in_progress));
    BOOST_TEST((parse_state("completed", "success") == RunState::succeeded));
    BOOST_TEST((parse_state("completed", "neutral") == RunState::succeeded));
    BOOST_TEST((parse_state("completed", "skipped") == RunState::skipped));
    for (const auto* conclusion : {"failure", "timed_out", "startup_failure"})
        BOOST_TEST((parse_state("completed", conclusion) == RunState::failed));
    for (const auto* conclusion : {"cancelled", "stale"})
        BOOST_TEST((parse_state("completed", conclusion) == RunState::cancelled));
    BOOST_TEST((parse_state("completed", "action_required") == RunState::needs_action));
}

BOOST_AUTO_TEST_CASE(runs_that_strangers_may_have_caused_are_none_of_the_repositorys) {
    using github::is_run_of_writers;
    for (const auto* event : {"push", "schedule", "workflow_dispatch", "merge_group"})
        BOOST_TEST(is_run_of_writers(event, "", "o/r"), event);
    for (const auto* event : {"pull_request", "pull_request_target"}) {
        BOOST_TEST(is_run_of_writers(event, "O/r", "o/r"), event);
        BOOST_TEST(!is_run_of_writers(event, "stranger/r", "o/r"), event);
        BOOST_TEST(!is_run_of_writers(event, "", "o/r"), event);
    }
    for (const auto* event : {"issue_comment", "workflow_run", "issues", "fork", "watch", "", "newer_than_this"})
        BOOST_TEST(!is_run_of_writers(event, "o/r", "o/r"), event);
}

BOOST_AUTO_TEST_CASE(of_each_workflow_the_newest_run_counts) {
    std::vector<github::WorkflowRun> runs(3);
    for (std::size_t i = 0; i < runs.size(); ++i) runs[i].id = i;
    runs[0].workflow_id = runs[1].workflow_id = 1;
    runs[0].number = 4;
    runs[1].number = 5;
    runs[2].workflow_id = 2;
    auto newest = github::newest_per_workflow(std::move(runs));
    BOOST_REQUIRE(newest.size() == 2U);
    BOOST_TEST(newest[0].id == 1U);
    BOOST_TEST(newest[1].id == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
