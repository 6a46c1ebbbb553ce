#pragma once

#include "async/task.hpp"
#include "base/result.hpp"
#include "fill/extent.hpp"
#include "plan/facts.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace cachefill::async {
class TaskGroup;
}

namespace cachefill::plan {
struct Plan;
struct Target;
} // namespace cachefill::plan

namespace cachefill::report {
struct RunReport;
struct ShardPlan;
} // namespace cachefill::report

namespace cachefill::session {
class Session;
}

namespace cachefill::fill {

struct WrittenBundle;

// One pass over a fleet: evaluate, query, plan, build, push, verify, all of it overlapping. What it learnt is in
// report() whenever it ends, however it ends.
class Run {
  public:
    // Everything is put together here; nothing is begun. `session` outlives it.
    Run(session::Session& session, Extent extent);
    ~Run();

    // Before it: this run is one of several shards, which meet in the own cache. `run_id` names the run of all of them.
    void become_shard(std::string run_id, const report::ShardPlan& cut, std::size_t self);
    // Before it: all shards have come to their end, well or not. `run_ids`: of the attempts, the last one first.
    void follow_shards(std::vector<std::string> run_ids, std::size_t shards);

    // Never fails as a whole: what went wrong is in the report, with its exit code.
    async::Task<void> execute();

    // First SIGINT or SIGTERM: nothing new starts, builds are cancelled, uploads that can finish do.
    void interrupt(int signal);
    // A newer run waits for this one: nothing new starts, what runs is finished and pushed. `by`: its URL.
    void supersede(std::string by);
    bool is_interrupted() const;

    report::RunReport report() const;
    // For `plan`: the plan and what it is about.
    std::size_t planned_pushes() const; // paths that are here and would go up
    const plan::Plan& plan() const;
    const plan::Graph& graph() const;
    const plan::Facts& facts() const;
    const std::vector<plan::Target>& plan_targets() const;
    // Writes what other machines go by, which build this cut of the plan.
    async::Task<Result<WrittenBundle>> write_bundle(report::ShardPlan cut, std::filesystem::path file);
    // Upstreams that have a path and are not trusted by all who need it: a sentence for each; empty if there is none.
    std::string where_it_does_not_count(plan::PathId path) const;

  private:
    struct Parts;

    async::Task<void> work_to_the_end();
    async::Task<void> work();
    async::Task<bool> preflight();
    void join_shards();
    bool learn_caches();
    async::Task<void> fill();
    async::Task<void> stages(async::TaskGroup& watched);
    async::Task<void> build_and_close();

    std::unique_ptr<Parts> parts_;
};

} // namespace cachefill::fill
