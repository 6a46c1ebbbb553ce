#pragma once

#include "github/rest.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::github {

// Of a run, a job or a step; GitHub's status and conclusion in one.
enum class RunState {
    queued,       // requested, queued, pending, waiting
    in_progress,  //
    succeeded,    // success, neutral
    skipped,      //
    failed,       // failure, timed_out, startup_failure
    cancelled,    // cancelled, stale
    needs_action, // waits for somebody's approval
};
RunState parse_state(std::string_view status, std::string_view conclusion);
std::string_view to_string(RunState state); // "queued", "in progress", …
inline bool is_over(RunState state) {
    return state != RunState::queued && state != RunState::in_progress && state != RunState::needs_action;
}

using Moment = std::chrono::system_clock::time_point; // the epoch: unknown

// Texts that came from GitHub are sanitized.
struct WorkflowRun {
    std::uint64_t id = 0;
    std::uint64_t workflow_id = 0;
    std::uint64_t number = 0;
    std::uint64_t attempt = 1;
    std::string workflow;      // its name
    std::string workflow_file; // "build.yml"
    std::string event;         // "push", "schedule", …
    std::string branch;
    std::string head_sha;
    std::string url; // for a person
    RunState state = RunState::queued;
    std::string conclusion; // GitHub's word, empty while it runs
    bool timed_out = false; // it ended at its time limit
    Moment created, started, updated;
};

struct WorkflowStep {
    std::string name;
    RunState state = RunState::queued;
};

struct WorkflowJob {
    std::uint64_t id = 0;
    std::string name;
    std::string url;
    RunState state = RunState::queued;
    Moment started, completed;
    std::vector<WorkflowStep> steps;

    std::size_t steps_done() const;
    // The step that is running now; empty if none is.
    std::string current_step() const;
};

// The typed calls we need of one repository.
class ActionsApi {
  public:
    ActionsApi(RestClient& rest, Repository repository) : rest_(rest), repository_(std::move(repository)) {}

    // Newest first. `sha`: 40 hex digits. Those that strangers may have caused are left out: they can have the name of
    // any branch, and do not fill the cache.
    async::Task<Result<std::vector<WorkflowRun>>> runs_of_commit(std::string sha);
    async::Task<Result<std::vector<WorkflowRun>>> runs_of_branch(std::string branch, std::size_t most = 30);
    // Of the latest attempt.
    async::Task<Result<std::vector<WorkflowJob>>> jobs_of_run(std::uint64_t id);
    // Starts a workflow (its file's name) on a branch or tag.
    async::Task<Result<void>> dispatch(std::string workflow_file, std::string ref,
                                       std::map<std::string, std::string> inputs = {});

    const Repository& repository() const { return repository_; }
    RestClient& rest() { return rest_; }

  private:
    std::string path(std::string_view below) const;
    async::Task<Result<std::vector<WorkflowRun>>> runs(std::string query, std::size_t most);

    RestClient& rest_;
    Repository repository_;
};

// Of each workflow its newest run (a re-run is the same run with a higher attempt), newest first.
std::vector<WorkflowRun> newest_per_workflow(std::vector<WorkflowRun> runs);

} // namespace cachefill::github
