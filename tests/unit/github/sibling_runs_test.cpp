#include "github/sibling_runs.hpp"
#include "unit/github/harness.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using async::Task;
using github::ActionsApi;
using github::RestClient;
using github::RunState;
using github::WorkflowRun;
using nlohmann::json;

namespace {

github::Context context_of(std::uint64_t number, const std::string& event = "push") {
    github::Context context;
    context.repository = "o/r";
    context.workflow_file = "fill.yml";
    context.branch = "main";
    context.event = event;
    context.author = github::Author::repository;
    context.sha = sha;
    context.run_number = number;
    return context;
}

WorkflowRun run(std::uint64_t number, RunState state, const std::string& event = "push") {
    WorkflowRun run;
    run.id = 100 + number;
    run.number = number;
    run.workflow_file = "fill.yml";
    run.event = event;
    run.branch = "main";
    run.head_sha = sha;
    run.state = state;
    return run;
}

json listed(std::uint64_t number, const std::string& event, std::vector<json> frames) {
    return {{"id", 100 + number}, {"file", "fill.yml"},         {"event", event}, {"branch", "main"}, {"sha", sha},
            {"number", number},   {"frames", std::move(frames)}};
}

const json queued = {{"status", "queued"}}, running = {{"status", "in_progress"}},
           over = {{"status", "completed"}, {"conclusion", "failure"}};

} // namespace

BOOST_AUTO_TEST_SUITE(sibling_runs)

BOOST_AUTO_TEST_CASE(only_a_newer_run_of_the_same_workflow_that_waits_supersedes) {
    auto context = context_of(5);
    auto other = run(9, RunState::queued);
    other.workflow_file = "lint.yml";
    std::vector<WorkflowRun> runs{other, run(8, RunState::in_progress), run(7, RunState::queued, "pull_request"),
                                  run(5, RunState::in_progress), run(4, RunState::queued)};
    BOOST_TEST(!newer_waiting_run(runs, context).has_value());
    runs.push_back(run(6, RunState::queued, "schedule"));
    runs.push_back(run(10, RunState::queued));
    BOOST_REQUIRE(newer_waiting_run(runs, context).has_value());
    BOOST_TEST(newer_waiting_run(runs, context)->number == 10U);
}

BOOST_AUTO_TEST_CASE(runs_by_dispatch_are_counted_back_to_what_started_them) {
    std::vector<WorkflowRun> runs{run(3, RunState::failed), run(4, RunState::failed, "workflow_dispatch"),
                                  run(5, RunState::failed, "workflow_dispatch"),
                                  run(6, RunState::in_progress, "workflow_dispatch"), run(7, RunState::queued)};
    BOOST_TEST(reruns_so_far(runs, context_of(3)) == 0U);
    BOOST_TEST(reruns_so_far(runs, context_of(4, "workflow_dispatch")) == 1U);
    BOOST_TEST(reruns_so_far(runs, context_of(6, "workflow_dispatch")) == 3U);
    runs.erase(runs.begin()); // the first was started by hand
    BOOST_TEST(reruns_so_far(runs, context_of(6, "workflow_dispatch")) == 2U);
    runs[1].head_sha = std::string(40, 'e'); // of another commit
    BOOST_TEST(reruns_so_far(runs, context_of(6, "workflow_dispatch")) == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_not_known_or_a_strangers_is_not_looked_at) {
    BOOST_TEST(can_see_siblings(context_of(5)));
    for (auto author : {github::Author::fork, github::Author::unknown}) {
        auto stranger = context_of(5);
        stranger.author = author;
        BOOST_TEST(!can_see_siblings(stranger));
    }
    auto tag = context_of(5);
    tag.branch.clear();
    BOOST_TEST(!can_see_siblings(tag));
    BOOST_TEST(!can_see_siblings(github::Context()));
}

BOOST_AUTO_TEST_CASE(a_run_that_is_queued_for_a_moment_only_supersedes_nothing) {
    GithubServer server({.tokens = {"t"}});
    server.set(repository_with(json::array({listed(6, "push", {queued, running, running, queued, queued})})));
    auto body = [&server](RestClient&, ActionsApi& api) -> Task<void> {
        auto context = context_of(5);
        auto newer = co_await github::wait_for_newer_run(api, context, 0s);
        BOOST_REQUIRE(newer.has_value());
        BOOST_TEST(newer->number == 6U);
        BOOST_TEST(server.log().size() >= 5U);
    };
    with_rest(server, "t", body);
}

BOOST_AUTO_TEST_CASE(a_refusal_ends_the_watch_and_a_passing_trouble_does_not) {
    GithubServer server({.tokens = {"t"}});
    server.set(repository_with(json::array({listed(6, "push", {queued})})));
    HttpReply busy;
    busy.status = 502;
    server.fail_next(busy, 1);
    auto patient = [](RestClient&, ActionsApi& api) -> Task<void> {
        auto context = context_of(5);
        auto newer = co_await github::wait_for_newer_run(api, context, 0s);
        BOOST_TEST(newer.has_value());
    };
    with_rest(server, "t", patient, 0ms);
    auto refused = [](RestClient&, ActionsApi& api) -> Task<void> {
        auto context = context_of(5);
        auto newer = co_await github::wait_for_newer_run(api, context, 0s);
        BOOST_TEST(!newer.has_value());
    };
    with_rest(server, "wrong", refused);
}

BOOST_AUTO_TEST_CASE(the_workflow_is_started_again_until_the_limit_and_never_beside_a_newer_run) {
    GithubServer server({.tokens = {"t"}});
    auto again = [](std::uint64_t most, github::RerunOutcome wanted) {
        return [=](RestClient&, ActionsApi& api) -> Task<void> {
            auto context = context_of(5, "workflow_dispatch");
            auto outcome = co_await github::start_again(api, context, most);
            BOOST_REQUIRE(outcome.has_value());
            BOOST_TEST((*outcome == wanted));
        };
    };
    auto earlier = json::array({listed(3, "push", {over}), listed(4, "workflow_dispatch", {over})});
    server.set(repository_with(earlier));
    with_rest(server, "t", again(2, github::RerunOutcome::used_up));
    BOOST_TEST(server.dispatches().empty());
    with_rest(server, "t", again(3, github::RerunOutcome::started));
    BOOST_REQUIRE(server.dispatches().size() == 1U);
    BOOST_TEST(server.dispatches()[0]["workflow"] == "fill.yml");
    BOOST_TEST(server.dispatches()[0]["ref"] == "main");
    earlier.push_back(listed(6, "push", {running}));
    server.set(repository_with(earlier));
    with_rest(server, "t", again(3, github::RerunOutcome::already_running));
    BOOST_TEST(server.dispatches().size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
