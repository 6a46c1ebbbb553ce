// What GitHub's REST API answers (JSON), which GITHUB_API_URL may have moved to any server.
//
// The first byte chooses the question, the second the status; what stands before the first line's end is the Link
// header. Lists end, also where the next page is this one. Texts of runs and jobs steer no terminal, nor does a
// failure, which is one that GitHub can have.
#include "fuzz/canned_client.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"
#include "github/actions_api.hpp"
#include "github/pull_requests.hpp"

namespace cachefill::fuzz {

namespace {

using test::run_task;

template <class T> Result<T> told(Result<T> result) {
    if (!result)
        require_told(result.error(), {FailureKind::auth, FailureKind::not_found, FailureKind::network,
                                      FailureKind::protocol, FailureKind::usage});
    return result;
}
template <class T> void look_at(const Result<T>& result) { static_cast<void>(told(result)); }

void check(const github::WorkflowRun& run) {
    for (const auto* text :
         {&run.workflow, &run.workflow_file, &run.event, &run.branch, &run.head_sha, &run.url, &run.conclusion})
        require_harmless(*text);
}

void check(const github::WorkflowJob& job) {
    require_harmless(job.name);
    require_harmless(job.url);
    for (const auto& step : job.steps) require_harmless(step.name);
    require(job.steps_done() <= job.steps.size(), "no more steps are done than there are");
}

} // namespace

void answers_of_github(std::string_view input) {
    if (input.size() < 2) return;
    unsigned question = static_cast<unsigned char>(input.front()) % 6;
    auto answer = canned_answer(input.substr(1));
    auto line_end = answer.body.find('\n');
    if (line_end != std::string::npos) {
        answer.headers.push_back({"Link", answer.body.substr(0, line_end)});
        answer.headers.push_back({"ETag", "\"x\""});
        answer.body.erase(0, line_end + 1);
    }
    CannedClient client(std::move(answer));
    github::RestSettings settings;
    settings.token = github::Token{Secret("token-of-the-team"), "GH_TOKEN"};
    settings.patience = std::chrono::milliseconds(0);
    github::RestClient rest(client, settings);
    github::Repository repository{"github.com", "kim", "fleet"};
    github::ActionsApi actions(rest, repository);
    github::PullRequestsApi pulls(rest, repository);
    switch (question) {
    case 0:
        if (auto runs = told(run_task<Result<std::vector<github::WorkflowRun>>>(
                [&](auto) { return actions.runs_of_commit(std::string(40, '0')); })))
            for (const auto& run : github::newest_per_workflow(std::move(*runs))) check(run);
        break;
    case 1:
        if (auto jobs =
                told(run_task<Result<std::vector<github::WorkflowJob>>>([&](auto) { return actions.jobs_of_run(7); })))
            for (const auto& job : *jobs) check(job);
        break;
    case 2:
        look_at(run_task<Result<std::optional<github::PullRequest>>>([&](auto) { return pulls.pull_request(7); }));
        break;
    case 3:
        look_at(run_task<Result<std::vector<github::PullRequest>>>(
            [&](auto) { return pulls.open_with_head("kim/fleet", "main"); }));
        break;
    case 4:
        if (auto comments =
                told(run_task<Result<std::vector<github::Comment>>>([&](auto) { return pulls.comments(7); })))
            require(comments->size() <= github::PullRequestsApi::most_comments, "comments are bounded");
        break;
    default:
        look_at(run_task<Result<void>>([&](auto) { return actions.dispatch("build.yml", "main"); }));
    }
}

} // namespace cachefill::fuzz
