#include "doctor/cloud.hpp"

#include "base/own_place.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace cachefill::doctor {

using async::Task;
using github::RunState;
using namespace std::chrono_literals;

namespace {

// GitHub shows a run a few seconds after the push; this is what a slow day takes.
constexpr auto runs_show_up_within = 120s;
constexpr std::size_t others_asked_for = 20;

} // namespace

std::string CloudFacts::progress() const {
    if (jobs.empty()) return {};
    auto done = static_cast<std::size_t>(
        std::count_if(jobs.begin(), jobs.end(), [](const auto& job) { return github::is_over(job.state); }));
    auto text = std::to_string(done) + " of " + counted(jobs.size(), "job") + " done";
    for (const auto& job : jobs) {
        if (job.state != RunState::in_progress) continue;
        text += "; " + job.name;
        if (auto step = job.current_step(); !step.empty())
            text += ": " + step + " (" + std::to_string(job.steps_done()) + " of " + counted(job.steps.size(), "step") +
                    " done)";
    }
    return text;
}

CloudState judge_runs(const std::vector<github::WorkflowRun>& runs, std::size_t& deciding) {
    static const std::vector<std::pair<RunState, CloudState>> order{
        {RunState::in_progress, CloudState::in_progress},   {RunState::queued, CloudState::queued},
        {RunState::needs_action, CloudState::needs_action}, {RunState::failed, CloudState::failed},
        {RunState::cancelled, CloudState::cancelled},       {RunState::succeeded, CloudState::succeeded}};
    for (const auto& [state, verdict] : order)
        for (std::size_t i = 0; i < runs.size(); ++i)
            if (runs[i].state == state) {
                deciding = i;
                return verdict;
            }
    return CloudState::no_run; // none, or only skipped ones
}

Task<CloudFacts> ask_cloud(github::ActionsApi& api, std::string commit, std::string branch,
                           std::vector<std::string> workflows, std::chrono::system_clock::duration expected_for) {
    CloudFacts facts;
    auto counts = [&workflows](const github::WorkflowRun& run) {
        return workflows.empty() || std::find(workflows.begin(), workflows.end(), run.workflow_file) != workflows.end();
    };
    auto runs = co_await api.runs_of_commit(commit);
    if (!runs) {
        facts.state = CloudState::unknown;
        facts.failure = std::move(runs).error();
        co_return facts;
    }
    std::erase_if(*runs, [&](const auto& run) { return !counts(run); });
    facts.runs = github::newest_per_workflow(std::move(*runs));
    facts.state = judge_runs(facts.runs, facts.deciding);
    if (facts.state == CloudState::no_run) {
        if (expected_for < runs_show_up_within) facts.state = CloudState::no_run_yet;
        if (branch.empty()) co_return facts;
        auto others = co_await api.runs_of_branch(branch, others_asked_for);
        if (others)
            for (auto& run : *others)
                if (counts(run) && run.head_sha != commit && !github::is_over(run.state))
                    facts.others.push_back(std::move(run));
        co_return facts;
    }
    if (facts.state == CloudState::in_progress || facts.state == CloudState::failed) {
        auto jobs = co_await api.jobs_of_run(facts.run()->id);
        if (jobs) facts.jobs = std::move(*jobs);
    }
    co_return facts;
}

std::vector<std::string> filling_workflows(const std::filesystem::path& root) {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator it(root / ".github" / "workflows", error), end; !error && it != end;
         it.increment(error)) {
        auto extension = it->path().extension();
        if (extension != ".yml" && extension != ".yaml") continue;
        auto text = read_work_tree_file(it->path(), root, 1U << 20);
        if (text && text->find("cachefill") != std::string::npos) names.push_back(it->path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace cachefill::doctor
