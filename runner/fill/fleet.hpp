#pragma once

#include "eval/evaluator.hpp"
#include "event/event.hpp"
#include "fill/recall.hpp"
#include "fill/run_context.hpp"
#include "plan/graph.hpp"
#include "shard/importing.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::fill {

// One thing somebody will want to fetch, through all stages.
struct TargetRecord {
    eval::TargetRef ref;
    bool evaluate_only = false;
    bool named_exactly = false;
    std::optional<eval::EvaluatedTarget> evaluated;
    std::optional<Failure> failure;
    std::optional<event::Position> position;
    std::string needs_system;                       // to be evaluated: it failed here for that alone
    std::optional<std::chrono::milliseconds> start; // of its evaluator, since the run's
    std::chrono::milliseconds took{};
    std::optional<std::size_t> planned; // index into LivePlan::targets()
    std::optional<std::size_t> host;    // number in presence::Upstreams, once what it evaluates to was read
    event::TargetVerified verified;
    bool was_verified = false;
    std::optional<std::uint64_t> previous_closure_bytes;
    std::optional<report::ClosureDifference> changes; // since it was last complete
    // Complete for those who are given its path alone: names of what everybody who evaluates it builds.
    bool by_path_only = false;
    std::vector<std::string> built_by_all;
};

// The flake: which hosts there are, what they evaluate to, what that is made of.
class Fleet {
  public:
    explicit Fleet(RunContext& run) : run_(run), recall_(run) {}

    // Once the store can be used: takes the bundle that is given; else, or where that cannot be used, reads the flake,
    // and fetches its inputs unless they may not be needed. What came of it stands in flake_if_open(), or else in
    // failure().
    async::Task<void> open();
    const std::optional<Failure>& failure() const { return failure_; }
    // Finds the targets that are wanted. False: there is nothing to go on with, and it is told why.
    async::Task<bool> discover();
    // All of them at once, as far as the evaluator lets them; each is added to the graph and the plan when it is known.
    async::Task<void> evaluate_all();
    // Of what is complete now, for whoever would evaluate it again.
    async::Task<void> leave_record() { return recall_.leave(hosts_, targets_); }
    // What `nix flake check` would find in the other outputs.
    async::Task<void> check();

    const eval::FlakeInfo& flake() const { return *flake_; }
    const std::optional<eval::FlakeInfo>& flake_if_open() const { return flake_; }
    // What stands for reading and evaluating it; null: nothing does.
    const shard::Bundle* bundle() const { return import_ ? &import_->bundle() : nullptr; }
    // Adds its derivations to the store, beside what goes by them already.
    async::Task<void> add_bundled();
    const std::vector<eval::TargetRef>& hosts() const { return hosts_; } // all that there are
    const std::string& branch() const { return branch_; }                // that is built; empty if unknown
    const std::vector<std::string>& skipped() const { return skipped_; } // by selectors
    std::vector<TargetRecord>& targets() { return targets_; }
    const std::vector<TargetRecord>& targets() const { return targets_; }
    const std::vector<eval::CheckFinding>& check_findings() const { return check_findings_; }
    // By the option `systems`.
    bool is_left_to_others(const eval::EvaluatedTarget& target) const;

  private:
    async::Task<bool> take_bundle();
    async::Task<void> find_branch();
    async::Task<Result<void>> fetch_inputs();
    async::Task<Result<void>> list_hosts();
    void select(); // of the hosts, what is wanted
    async::Task<bool> is_recalled_whole();
    std::size_t number_of(const eval::EvaluatedTarget& evaluated, bool is_wanted);
    async::Task<void> evaluate(std::size_t number);
    async::Task<Result<eval::EvaluatedTarget>> find_evaluated(eval::TargetRef target);
    plan::Graph::Reader derivations() const; // where they are read from
    async::Task<Result<void>> adopt(std::size_t number);
    async::Task<Result<void>> ask_ahead(const plan::Target& target, std::vector<plan::PathId> fresh);
    async::Task<void> check_outputs();

    RunContext& run_;
    Recall recall_;
    std::unique_ptr<eval::Evaluator> evaluator_;
    std::optional<eval::FlakeInfo> flake_;
    std::optional<Failure> failure_; // to open it
    std::vector<eval::TargetRef> hosts_;
    std::optional<session::EvaluationRecord> recalled_; // nothing is evaluated then
    std::unique_ptr<shard::Import> import_;             // of the bundle, if one is given
    session::EvaluationRecord complete_;                // of the bundle: of what lacked nothing
    struct KnownHost {
        std::size_t number; // in presence::Upstreams
        std::optional<nix::CacheSettings> says;
    };
    std::map<std::string, KnownHost> known_hosts_; // by display name
    std::vector<TargetRecord> targets_;
    std::vector<std::string> skipped_;
    std::vector<eval::CheckFinding> check_findings_;
    std::string branch_;
};

} // namespace cachefill::fill
