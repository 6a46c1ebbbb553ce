#pragma once

#include "doctor/git_state.hpp"
#include "github/actions_api.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::doctor {

// How far the cloud is with one commit.
enum class CloudState {
    unknown,      // it could not be asked: see `failure`
    not_asked,    // no GitHub repository here
    no_run,       // the commit is there, but nothing has been started for it
    no_run_yet,   // the same, within the time in which one usually shows up
    queued,       //
    in_progress,  //
    needs_action, // waits for somebody's approval
    failed,       //
    cancelled,    //
    succeeded,
};

struct CloudFacts {
    CloudState state = CloudState::not_asked;
    std::optional<Failure> failure;
    std::vector<github::WorkflowRun> runs; // of the commit, the newest of each workflow that counts
    std::size_t deciding = 0;              // index into runs of the one that `state` is about
    std::vector<github::WorkflowJob> jobs; // of that one
    // While there is no run for the commit: what is going on on its branch, and scheduled or by hand on the default
    // one.
    std::vector<github::WorkflowRun> others;

    const github::WorkflowRun* run() const { return deciding < runs.size() ? &runs[deciding] : nullptr; }
    // "2 of 5 jobs done; x86_64-linux: Build (3 of 6 steps)"; empty if no jobs are known.
    std::string progress() const;
};

// Asks for the runs of a commit, which have been expected for `expected_for`. `workflows` are file names to look at;
// empty: all of them. Remembers nothing but what the RestClient keeps, so it can be asked again and again.
async::Task<CloudFacts> ask_cloud(github::ActionsApi& api, std::string commit, std::string branch,
                                  std::vector<std::string> workflows, std::chrono::system_clock::duration expected_for);

// Pure: what a commit's runs come to. The order of what counts: running, queued, waiting, failed, cancelled, done.
CloudState judge_runs(const std::vector<github::WorkflowRun>& runs, std::size_t& deciding);

// The workflow files of this tree that mention cachefill; empty when none does.
std::vector<std::string> filling_workflows(const std::filesystem::path& root);

} // namespace cachefill::doctor
