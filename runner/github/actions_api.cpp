#include "github/actions_api.hpp"

#include "base/clock_moment.hpp"
#include "base/text.hpp"
#include "github/author.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <tuple>

namespace cachefill::github {

using async::Task;
using nlohmann::json;

namespace {

std::string text(const json& object, const char* name) {
    auto field = object.find(name);
    return field != object.end() && field->is_string() ? sanitize(field->get_ref<const std::string&>()) : std::string();
}

std::uint64_t number(const json& object, const char* name) {
    auto field = object.find(name);
    return field != object.end() && field->is_number_unsigned() ? field->get<std::uint64_t>() : 0;
}

Moment moment(const json& object, const char* name) { return parse_utc(text(object, name)).value_or(Moment()); }

Failure nonsense(std::string_view what) {
    return Failure(FailureKind::protocol, "GitHub described " + std::string(what) + " in a form that is not understood")
        .with_hint("is GITHUB_API_URL, if set, the address of GitHub's REST API?");
}

// Whose commit a run is of: that of a fork's pull request is the fork's.
std::string head_repository(const json& object) {
    auto head = object.find("head_repository");
    return head != object.end() && head->is_object() ? text(*head, "full_name") : std::string();
}

RunState state_of(const json& object) { return parse_state(text(object, "status"), text(object, "conclusion")); }

Result<WorkflowRun> read_run(const json& object) {
    if (!object.is_object() || number(object, "id") == 0 || text(object, "status").empty())
        return nonsense("a workflow run");
    WorkflowRun run;
    run.id = number(object, "id");
    run.workflow_id = number(object, "workflow_id");
    run.number = number(object, "run_number");
    run.attempt = std::max<std::uint64_t>(number(object, "run_attempt"), 1);
    run.workflow = text(object, "name");
    auto path = text(object, "path"); // ".github/workflows/build.yml", at times with "@ref" behind it
    path = path.substr(0, path.find('@'));
    run.workflow_file = path.substr(path.rfind('/') + 1);
    run.event = text(object, "event");
    run.branch = text(object, "head_branch");
    run.head_sha = text(object, "head_sha");
    run.url = text(object, "html_url");
    run.state = state_of(object);
    run.conclusion = text(object, "conclusion");
    run.timed_out = run.conclusion == "timed_out";
    run.created = moment(object, "created_at");
    run.started = moment(object, "run_started_at");
    run.updated = moment(object, "updated_at");
    if (run.workflow.empty()) run.workflow = run.workflow_file;
    return run;
}

Result<WorkflowJob> read_job(const json& object) {
    if (!object.is_object() || number(object, "id") == 0) return nonsense("a job");
    WorkflowJob job;
    job.id = number(object, "id");
    job.name = text(object, "name");
    job.url = text(object, "html_url");
    job.state = state_of(object);
    job.started = moment(object, "started_at");
    job.completed = moment(object, "completed_at");
    if (auto steps = object.find("steps"); steps != object.end() && steps->is_array())
        for (const auto& entry : *steps) {
            if (!entry.is_object()) return nonsense("a step");
            WorkflowStep step;
            step.name = text(entry, "name");
            step.state = state_of(entry);
            job.steps.push_back(std::move(step));
        }
    return job;
}

} // namespace

RunState parse_state(std::string_view status, std::string_view conclusion) {
    if (conclusion == "action_required" || status == "action_required") return RunState::needs_action;
    if (status == "in_progress") return RunState::in_progress;
    if (status != "completed") return RunState::queued;
    if (conclusion == "success" || conclusion == "neutral") return RunState::succeeded;
    if (conclusion == "skipped") return RunState::skipped;
    if (conclusion == "cancelled" || conclusion == "stale") return RunState::cancelled;
    return RunState::failed;
}

std::string_view to_string(RunState state) {
    switch (state) {
    case RunState::queued:
        return "queued";
    case RunState::in_progress:
        return "in progress";
    case RunState::succeeded:
        return "succeeded";
    case RunState::skipped:
        return "skipped";
    case RunState::failed:
        return "failed";
    case RunState::cancelled:
        return "cancelled";
    case RunState::needs_action:
        return "waiting for approval";
    }
    return "queued";
}

std::size_t WorkflowJob::steps_done() const {
    return static_cast<std::size_t>(
        std::count_if(steps.begin(), steps.end(), [](const auto& step) { return is_over(step.state); }));
}

std::string WorkflowJob::current_step() const {
    for (const auto& step : steps)
        if (step.state == RunState::in_progress) return step.name;
    return {};
}

std::string ActionsApi::path(std::string_view below) const {
    return "/repos/" + percent_encode(repository_.owner) + "/" + percent_encode(repository_.name) + std::string(below);
}

Task<Result<std::vector<WorkflowRun>>> ActionsApi::runs(std::string query, std::size_t most) {
    auto url = path("/actions/runs?" + query +
                    "&exclude_pull_requests=true&per_page=" + std::to_string(std::min<std::size_t>(most, 100)));
    CO_TRY(items, co_await rest_.get_pages(std::move(url), "workflow_runs", most));
    std::vector<WorkflowRun> runs;
    for (const auto& item : items) {
        CO_TRY(run, read_run(item));
        if (is_run_of_writers(run.event, head_repository(item), repository_.full_name()))
            runs.push_back(std::move(run));
    }
    co_return runs;
}

Task<Result<std::vector<WorkflowRun>>> ActionsApi::runs_of_commit(std::string sha) {
    co_return co_await runs("head_sha=" + percent_encode(sha), 200);
}

Task<Result<std::vector<WorkflowRun>>> ActionsApi::runs_of_branch(std::string branch, std::size_t most) {
    co_return co_await runs("branch=" + percent_encode(branch), most);
}

Task<Result<std::vector<WorkflowJob>>> ActionsApi::jobs_of_run(std::uint64_t id) {
    auto url = path("/actions/runs/" + std::to_string(id) + "/jobs?filter=latest&per_page=100");
    CO_TRY(items, co_await rest_.get_pages(std::move(url), "jobs", 1000));
    std::vector<WorkflowJob> jobs;
    for (const auto& item : items) {
        CO_TRY(job, read_job(item));
        jobs.push_back(std::move(job));
    }
    co_return jobs;
}

Task<Result<void>> ActionsApi::dispatch(std::string workflow_file, std::string ref,
                                        std::map<std::string, std::string> inputs) {
    json body = {{"ref", ref}};
    if (!inputs.empty()) body["inputs"] = inputs;
    CO_TRY_VOID(co_await rest_.post(path("/actions/workflows/" + percent_encode(workflow_file) + "/dispatches"), body));
    co_return Result<void>();
}

std::vector<WorkflowRun> newest_per_workflow(std::vector<WorkflowRun> runs) {
    auto newer = [](const WorkflowRun& a, const WorkflowRun& b) {
        return std::tie(a.created, a.number, a.id) > std::tie(b.created, b.number, b.id);
    };
    std::sort(runs.begin(), runs.end(), newer);
    std::set<std::uint64_t> seen;
    std::vector<WorkflowRun> newest;
    for (auto& run : runs)
        if (seen.insert(run.workflow_id).second) newest.push_back(std::move(run));
    return newest;
}

} // namespace cachefill::github
