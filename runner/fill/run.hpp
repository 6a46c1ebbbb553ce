#pragma once

#include "build/driver.hpp"
#include "cache/manifest.hpp"
#include "eval/evaluator.hpp"
#include "fill/disk_guard.hpp"
#include "fill/last_look.hpp"
#include "fill/live_plan.hpp"
#include "fill/mirror.hpp"
#include "fill/outlets.hpp"
#include "fill/uncounted.hpp"
#include "presence/judge.hpp"
#include "presence/path_trust.hpp"
#include "presence/realisations.hpp"
#include "presence/upstreams.hpp"
#include "push/pipeline.hpp"
#include "report/run_report.hpp"
#include "session/machines.hpp"
#include "session/session.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace cachefill::build {
class Roots;
}

namespace cachefill::session {
class History;
}

namespace cachefill::fill {

// One pass over a fleet: evaluate, query, plan, build, push, verify, all of it overlapping. `run` does everything,
// `plan` stops after planning, `verify` evaluates and verifies. What it learnt is in report() whenever it ends, however
// it ends.
class Run {
  public:
    enum class Extent { plan, verify, fill };

    Run(session::Session& session, Extent extent);
    ~Run();

    // Never fails as a whole: what went wrong is in the report, with its exit code.
    async::Task<void> execute();

    // First SIGINT or SIGTERM: nothing new starts, builds are cancelled, uploads that can finish do.
    void interrupt(int signal);
    // A newer run waits for this one: nothing new starts, what runs is finished and pushed. `by`: its URL.
    void supersede(std::string by);
    bool is_interrupted() const { return interrupted_ != 0; }

    report::RunReport report() const;
    // For `plan`: the plan and what it is about.
    std::size_t planned_pushes() const; // of a plan: paths that are here and would go up
    const plan::Plan& plan() const { return live_.now(); }
    const plan::Graph& graph() const { return graph_; }
    const plan::Facts& facts() const { return facts_; }
    const std::vector<plan::Target>& plan_targets() const { return live_.targets(); }
    // Upstreams that have a path and are not trusted by all who need it: a sentence for each; empty if there is none.
    std::string where_it_does_not_count(plan::PathId path) const { return uncounted_->explain(path); }

  private:
    // One thing somebody will want to fetch, through all stages.
    struct TargetRecord {
        eval::TargetRef ref;
        bool evaluate_only = false;
        bool named_exactly = false;
        std::optional<eval::EvaluatedTarget> evaluated;
        std::optional<Failure> failure;
        std::optional<event::Position> position;
        std::string needs_system; // to be evaluated: it failed here for that alone
        std::chrono::milliseconds took{};
        std::optional<std::size_t> planned; // index into live_.targets()
        std::size_t host = 0;               // number in upstreams_, once evaluated
        event::TargetVerified verified;
        bool was_verified = false;
        std::optional<std::uint64_t> previous_closure_bytes;
        // Complete for those who are given its path alone: names of what everybody who evaluates it builds.
        bool by_path_only = false;
        std::vector<std::string> built_by_all;
    };

    // Stages; each returns false when the run cannot go on.
    async::Task<void> work();
    async::Task<bool> preflight();
    async::Task<bool> discover();
    async::Task<void> fill();
    async::Task<void> verify();
    ArchiveLook archive_look();
    LastLook last_look(ArchiveLook& archives);
    async::Task<void> judge_target(TargetRecord& record, const LastLook::Found& found);
    Failure why_unknown(const plan::Target& target, std::size_t paths) const;
    async::Task<void> keep_realisations();
    async::Task<Result<void>> find_what_all_build(TargetRecord& record);
    async::Task<void> find_complete_alone(); // of what a plan does something for
    async::Task<void> find_by_path_only();   // of what a plan finds complete
    std::vector<std::string> outputs_without_path(const plan::Target& target) const;
    async::Task<bool> believes_what_it_needs(const plan::Target& target, std::size_t host);
    void describe_closure(const plan::Target& target, event::TargetVerified& verified) const;
    async::Task<void> pin();
    async::Task<void> check_flake();
    async::Task<void> check_outputs();
    async::Task<void> find_branch();
    void compare_closure(TargetRecord& record);

    async::Task<void> evaluate_all();
    async::Task<void> evaluate(std::size_t number);
    async::Task<Result<void>> adopt(std::size_t number);
    async::Task<void> keep_planning(async::TaskGroup& beside);
    async::Task<void> ask(plan::Questions questions);
    void tell_unfetched();
    void tell_who_does_not_build();
    void tell_undecided();
    async::Task<void> plan_pushes();
    async::Task<Result<void>> ask_ahead(const plan::Target& target, std::vector<plan::PathId> fresh);
    async::Task<void> push_all();
    async::Task<bool> open_mirrors();
    void start_mirrors();
    async::Task<void> give_targets_to_mirrors();
    void release_if_done(const nix::StorePath& path); // its root
    async::Task<void> build_and_close();
    async::Task<void> watch_deadline();
    async::Task<void> watch_disk();
    DiskGuard::Surroundings disk_surroundings(std::string store);
    std::vector<nix::StorePath> deletable() const;
    async::Task<Result<std::uint64_t>> make_room(); // bytes freed
    bool is_pinned_branch(const std::string& branch) const;
    bool leaves_manifest() const;
    cache::Manifest describe_for_manifest(bool is_finished) const;
    async::Task<void> publish_manifest(bool is_finished);
    async::Task<void> announce_build();
    async::Task<Result<void>> open_store_side();
    void apply_plan();
    void count_present();
    void fail(Failure failure);
    void say(event::Severity severity, std::string text, std::string hint = {});
    void stage_started(event::Stage stage);
    void stage_finished(event::Stage stage, std::chrono::steady_clock::time_point start);
    void note_stage(event::Stage stage, std::chrono::steady_clock::time_point start);
    // Nothing further is to be started, for whatever reason.
    bool is_ending() const { return interrupted_ != 0 || deadline_reached_ || !superseded_by_.empty(); }

    plan::Policy policy() const;
    plan::CacheMask counting(const nix::StorePath& path);
    // What counts for the targets grows with what the caches' answers show.
    void refresh_trust();
    void refresh_counting();
    plan::CacheMask counting_now(const nix::StorePath& path);
    std::string upstream_of(plan::PathId path) const;
    report::UpstreamPushes planned_upstream_pushes() const;
    void add_trust(report::RunReport& report) const;
    push::PushEnvironment push_environment();
    push::PushSettings push_settings() const;        // for the own cache
    push::PushSettings public_push_settings() const; // for one that everybody reads
    void tell_allowed_sources();
    build::BuildSettings build_settings() const;
    build::DriverCallbacks driver_callbacks();
    std::vector<std::string> caches_to_fetch_from(const nix::StorePath& path) const;
    async::Task<Result<std::vector<std::optional<nix::PathInfo>>>> path_infos(std::vector<nix::StorePath> paths);
    async::Task<void> until_evaluated();
    async::Task<bool> repair(nix::StorePath path);
    // Why it comes last, for a person; empty if it does not.
    std::string deferral(const plan::GraphDerivation& derivation) const;
    void note_used_up_deadline();
    bool is_filling() const { return extent_ == Extent::fill; }
    void add_caches(report::RunReport& report) const;
    void add_targets(report::RunReport& report) const;
    void add_builds(report::RunReport& report) const;
    void add_planned(report::RunReport& report) const;
    void add_unbuildable(report::RunReport& report) const;
    void add_pushes(report::RunReport& report) const;
    report::TargetReport describe(const TargetRecord& record, const report::RunReport& report) const;
    void count_work(report::TargetReport& target, const report::RunReport& report) const;
    event::TargetVerdict planned_verdict(const TargetRecord& record) const;
    std::string example_of_switching(const report::RunReport& report) const;
    void judge(report::RunReport& report) const;                       // exit code and causes
    bool is_left_to_others(const eval::EvaluatedTarget& target) const; // by the option `systems`

    session::Session& session_;
    Extent extent_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::chrono::system_clock::time_point started_at_ = std::chrono::system_clock::now();

    plan::Graph graph_;
    plan::Facts facts_;
    presence::Judge presence_;
    presence::Realisations realisations_;
    std::optional<presence::Upstreams> upstreams_;
    std::optional<presence::PathTrust> trust_;
    std::optional<Uncounted> uncounted_;
    std::unique_ptr<eval::Evaluator> evaluator_;
    std::optional<eval::FlakeInfo> flake_;
    std::vector<TargetRecord> targets_;
    std::vector<std::string> skipped_; // by selectors
    std::string manifest_;             // its store path, once published
    bool manifest_failure_is_told_ = false;
    LivePlan live_;
    std::unordered_map<nix::StorePath, push::PushRecord> planned_pushes_; // of a plan: what would become of each
    std::size_t views_counted_ = 0;                                       // in the targets' masks
    std::unordered_map<nix::StorePath, std::string> pushed_although_;     // an upstream (URL) serves it
    std::unique_ptr<session::History> history_;
    std::unique_ptr<build::Roots> roots_;
    std::optional<DiskGuard> disk_guard_; // of a run that builds
    std::unique_ptr<build::Driver> driver_;
    std::unique_ptr<push::Pipeline> pipeline_;
    std::vector<std::unique_ptr<Mirror>> mirrors_;
    Outlets outlets_;                                       // that pipeline and those of the mirrors
    std::vector<report::MirrorReport> unreachable_mirrors_; // optional ones

    async::TaskGroup work_;
    async::TaskGroup timers_;
    async::TaskGroup evaluations_;
    bool building_done_ = false;
    bool deadline_reached_ = false;
    int interrupted_ = 0;
    std::vector<Failure> failures_; // of the run as a whole
    std::vector<eval::CheckFinding> check_findings_;
    std::vector<report::StageReport> stages_;
    std::string branch_;                       // that is built; empty if unknown
    std::string superseded_by_;                // empty unless it is
    std::string why_nothing_is_built_;         // by this machine, although something is missing that it could build
    std::uint64_t present_ = 0, upstream_ = 0; // outputs of the graph, before this run pushed any
};

} // namespace cachefill::fill
