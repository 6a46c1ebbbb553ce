#include "github/sibling_runs.hpp"

#include "async/signal.hpp"

#include <algorithm>

namespace cachefill::github {

using async::Task;

namespace {

constexpr std::size_t most_runs = 100; // one page; more than max-reruns allows
constexpr const char* dispatch_event = "workflow_dispatch";

// Runs of a pull request and of its branch have the branch's name in common and do not wait for each other.
bool is_sibling(const WorkflowRun& run, const Context& context) {
    return run.workflow_file == context.workflow_file && is_pull_request_event(run.event) == context.is_pull_request();
}

bool is_newer(const WorkflowRun& run, const Context& context) {
    return is_sibling(run, context) && run.number > context.run_number;
}

} // namespace

bool can_see_siblings(const Context& context) {
    return !context.repository.empty() && !context.workflow_file.empty() && !context.branch.empty() &&
           context.run_number > 0 && context.is_trusted();
}

std::optional<WorkflowRun> newer_waiting_run(const std::vector<WorkflowRun>& runs, const Context& context) {
    std::optional<WorkflowRun> newest;
    for (const auto& run : runs)
        if (is_newer(run, context) && run.state == RunState::queued && (!newest || run.number > newest->number))
            newest = run;
    return newest;
}

bool has_newer_run(const std::vector<WorkflowRun>& runs, const Context& context) {
    return std::any_of(runs.begin(), runs.end(),
                       [&](const auto& run) { return is_newer(run, context) && !is_over(run.state); });
}

std::uint64_t reruns_so_far(std::vector<WorkflowRun> runs, const Context& context) {
    if (context.event != dispatch_event) return 0;
    std::erase_if(runs, [&](const auto& run) {
        return run.workflow_file != context.workflow_file || run.number >= context.run_number ||
               run.head_sha != context.sha;
    });
    std::sort(runs.begin(), runs.end(), [](const auto& a, const auto& b) { return a.number > b.number; });
    std::uint64_t dispatched = 1; // this one
    for (const auto& run : runs) {
        if (run.event != dispatch_event) return dispatched;
        ++dispatched;
    }
    return dispatched - 1; // somebody started the first by hand
}

Task<Result<WorkflowRun>> wait_for_newer_run(ActionsApi& api, const Context& context, std::chrono::seconds interval) {
    std::uint64_t seen = 0;
    for (;;) {
        co_await async::sleep_for(interval);
        auto runs = co_await api.runs_of_branch(context.branch);
        // What heals is asked again at the next look; nobody is in a hurry here.
        if (!runs && runs.error().can_heal()) continue;
        if (!runs) co_return std::move(runs).error();
        auto newer = newer_waiting_run(*runs, context);
        // A still newer one takes the place of the one that waited.
        if (newer && seen != 0) co_return std::move(*newer);
        seen = newer ? newer->number : 0;
    }
}

Task<Result<RerunOutcome>> start_again(ActionsApi& api, const Context& context, std::uint64_t most) {
    CO_TRY(runs, co_await api.runs_of_branch(context.branch, most_runs));
    // Another job of this workflow was faster, or somebody pushed.
    if (has_newer_run(runs, context)) co_return RerunOutcome::already_running;
    if (reruns_so_far(std::move(runs), context) >= most) co_return RerunOutcome::used_up;
    CO_TRY_VOID(co_await api.dispatch(context.workflow_file, context.branch));
    co_return RerunOutcome::started;
}

} // namespace cachefill::github
