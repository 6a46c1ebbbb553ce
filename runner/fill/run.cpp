#include "fill/run.hpp"

#include "async/together.hpp"
#include "base/text.hpp"
#include "cache/nar_look.hpp"
#include "fill/announcements.hpp"
#include "fill/build_side.hpp"
#include "fill/bundling.hpp"
#include "fill/changes.hpp"
#include "fill/fleet.hpp"
#include "fill/planning.hpp"
#include "fill/push_side.hpp"
#include "fill/run_account.hpp"
#include "fill/shard_end.hpp"
#include "fill/shard_side.hpp"
#include "fill/verification.hpp"
#include "github/context.hpp"
#include "options/settings.hpp"
#include "session/history.hpp"
#include "session/machines.hpp"
#include "session/upstream_rules.hpp"
#include "shard/ownership.hpp"

#include <algorithm>
#include <csignal>
#include <optional>

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;

namespace {

// The platform gives 7.5 s after the first signal; this leaves time for the report.
constexpr auto upload_grace = 4500ms;
constexpr auto everything_ends_after = 5500ms;
constexpr std::uint64_t most_attempts = 50; // at a run of GitHub's

} // namespace

struct Run::Parts {
    Parts(const Run& whole, session::Session& session, Extent extent)
        : run(session, extent), fleet(run), planning(run), pushes(run, fleet), builds(run),
          verification(run, fleet, planning, pushes), changes(run, fleet),
          announcements(run, fleet, changes, [&whole] { return whole.report(); }), work(session.executor()),
          timers(session.executor()) {}

    RunContext run;
    Fleet fleet;
    Planning planning;
    PushSide pushes;
    BuildSide builds;
    Verification verification;
    Changes changes;
    Announcements announcements;
    std::optional<ShardSide> shard;       // if it is one
    std::optional<ShardEnd> after_shards; // if it comes after them
    async::TaskGroup work;
    async::TaskGroup timers;
};

Run::Run(session::Session& session, Extent extent) : parts_(std::make_unique<Parts>(*this, session, extent)) {}

Run::~Run() = default;

void Run::become_shard(std::string run_id, const report::ShardPlan& cut, std::size_t self) {
    parts_->shard.emplace(parts_->run, std::move(run_id), cut, self);
}

void Run::follow_shards(std::vector<std::string> run_ids, std::size_t shards) {
    parts_->after_shards.emplace(parts_->run, std::move(run_ids), shards);
}

Task<void> Run::execute() {
    auto all = [this](async::TaskGroup& timers) { timers.spawn(work_to_the_end()); };
    co_await async::together(parts_->timers, all);
}

Task<void> Run::work_to_the_end() {
    auto all = [this](async::TaskGroup& group) { group.spawn(work()); };
    co_await async::together(parts_->work, all);
    parts_->timers.cancel(); // which would only have ended this
}

Task<void> Run::work() {
    auto& parts = *parts_;
    auto& run = parts.run;
    const auto& settings = run.session.settings();
    bool going = co_await preflight();
    if (going) going = co_await parts.fleet.discover();
    if (going) co_await fill();
    if (parts.shard) co_await parts.shard->finish();
    if (!going) co_return;
    parts.planning.tell_undecided();
    bool is_plan = run.extent == Extent::plan;
    if (is_plan && !run.is_ending() && run.failures.empty()) co_await parts.pushes.plan();
    parts.planning.count_present();
    co_await parts.pushes.keep_realisations();
    if (run.interrupted) co_return;
    if (is_plan) co_await parts.verification.look_at_plan();
    if (parts.shard) {
        co_await parts.verification.look_at_published();
        co_return; // whoever joins the shards looks at the hosts
    }
    // A newer run verifies what this one leaves.
    if (!is_plan && !settings.read_only && run.superseded_by.empty()) {
        co_await parts.verification.verify();
        co_await parts.pushes.look_at_mirrors();
        if (run.is_filling()) co_await parts.announcements.pin();
        co_await parts.announcements.publish_finished();
        co_await parts.fleet.leave_record();
    }
    if (run.is_filling() && !run.is_ending()) co_await parts.changes.find();
    if (settings.check_flake && !run.is_ending()) co_await parts.fleet.check();
}

Task<bool> Run::preflight() {
    auto& run = parts_->run;
    auto& fleet = parts_->fleet;
    auto start = run.clock.now();
    run.stage_started(event::Stage::preflight);
    bool writes = run.is_filling() && !run.session.settings().read_only;
    auto need = writes ? session::Session::Need::writing : session::Session::Need::reading;
    std::vector<Failure> findings;
    auto look = [](session::Session& session, session::Session::Need wanted, std::function<void()> then,
                   std::vector<Failure>& found) -> Task<void> {
        found = co_await session.preflight(wanted, true, std::move(then));
    };
    auto opening = [&](async::TaskGroup& group) {
        std::function<void()> on_store = [&] { group.spawn(fleet.open()); };
        group.spawn(look(run.session, need, std::move(on_store), findings));
    };
    co_await async::together(opening);
    // A flake that is not there comes first: the one that was meant may well name the cache.
    bool is_no_flake = fleet.failure() && fleet.failure()->kind() == FailureKind::usage;
    if (fleet.failure()) run.fail(*fleet.failure());
    if (is_no_flake && run.session.settings().cache.empty())
        std::erase_if(findings, [](const auto& finding) { return finding.kind() == FailureKind::usage; });
    // Without Nix or its daemon the flake was not looked at, and there is but one finding.
    for (auto& finding : findings) run.fail(std::move(finding));
    if (run.failures.empty()) join_shards();
    if (!run.failures.empty() || !learn_caches()) co_return false;
    bool are_mirrors_open = co_await parts_->pushes.open_mirrors();
    if (!are_mirrors_open) co_return false;
    auto history = session::History::open(run.session.state_directory() / "history.sqlite");
    if (history)
        run.history = std::move(*history);
    else
        run.say(event::Severity::notice, history.error().one_line(), history.error().hint());
    if (parts_->after_shards) co_await parts_->after_shards->learn();
    const auto& flake = fleet.flake_if_open();
    if (flake && flake->dirty && !run.session.settings().on_github)
        run.say(event::Severity::notice, "uncommitted changes are evaluated, too; untracked files are not seen");
    run.stage_finished(event::Stage::preflight, start);
    co_return true;
}

// Of a bundle with shards this run is one, or comes after all of them.
void Run::join_shards() {
    auto& run = parts_->run;
    const auto* bundle = parts_->fleet.bundle();
    if (!bundle || !run.is_filling()) return;
    auto self = run.session.settings().shard;
    auto shards = bundle->cut.shards.size();
    if (self > shards)
        return run.fail(Failure(FailureKind::usage, "there is no shard " + std::to_string(self) + " in the bundle " +
                                                        sanitize(run.session.settings().bundle))
                            .with_hint(shards == 0 ? "nothing was missing when it was made: no shard is needed"
                                                   : "it has 1 to " + std::to_string(shards)));
    // Those of an attempt do not hear those of the one before, whose failures may be mended.
    auto attempt = std::max<std::uint64_t>(github::read_context(run.session.environment()).run_attempt, 1);
    std::vector<std::string> attempts;
    for (auto one = std::min(attempt, most_attempts); one > 0; --one)
        attempts.push_back(bundle->run + "." + std::to_string(one));
    if (self > 0)
        become_shard(std::move(attempts.front()), bundle->cut, self);
    else if (shards > 0)
        follow_shards(std::move(attempts), shards);
}

// Whom to ask, and whom its consumers will ask.
bool Run::learn_caches() {
    auto& run = parts_->run;
    // Of shards all have the same stand for it.
    run.graph.prefer([&run](const plan::GraphDerivation& derivation) {
        if (run.ownership) return run.ownership->is_known(derivation.path);
        return plan::BuildAbility::fits(derivation, run.session.machines().abilities);
    });
    run.judge.add_own(run.session.take_cache());
    auto upstreams = presence::Upstreams::make(run.judge, upstream_rules(run.session, run.session.cache_info()),
                                               upstream_maker(run.session), run.session.sink());
    if (!upstreams) {
        run.fail(std::move(upstreams).error());
        return false;
    }
    run.consumers.emplace(std::move(*upstreams), run.graph, run.facts, run.judge, run.live);
    if (!parts_->shard) return true;
    auto begun = parts_->shard->begin();
    if (!begun) run.fail(std::move(begun).error());
    return begun.has_value();
}

Task<void> Run::fill() {
    auto& parts = *parts_;
    auto& run = parts.run;
    if (run.is_filling()) {
        auto opened = co_await parts.builds.open();
        if (!opened) {
            run.fail(std::move(opened).error());
            co_return;
        }
        parts.pushes.start([&parts](const nix::StorePath& path) { parts.builds.release(path); });
    }
    if (run.is_ending()) co_return;
    parts.pushes.tell_allowed_sources();
    run.live.evaluates(true);
    auto all = [&](async::TaskGroup& group) {
        group.spawn(stages(group));
        if (!run.is_filling()) return;
        group.spawn(parts.builds.watch_disk());
        if (run.session.settings().deadline) group.spawn(parts.builds.watch_deadline());
        if (parts.shard) group.spawn(parts.shard->keep_in_touch());
    };
    co_await async::together(all);
}

// Ends those that watch it.
Task<void> Run::stages(async::TaskGroup& watched) {
    auto& parts = *parts_;
    auto& run = parts.run;
    auto all = [&](async::TaskGroup& group) {
        group.spawn(parts.fleet.evaluate_all());
        if (run.extent != Extent::verify) group.spawn(parts.planning.keep_on(group));
        if (!run.is_filling()) return;
        group.spawn(parts.fleet.add_bundled());
        group.spawn(build_and_close());
        parts.pushes.push(group);
        if (!parts.shard) group.spawn(parts.announcements.announce_build());
    };
    co_await async::together(all);
    watched.cancel();
}

Task<void> Run::build_and_close() {
    co_await parts_->builds.build();
    co_await parts_->pushes.finish();
}

void Run::interrupt(int signal) {
    auto& run = parts_->run;
    if (run.interrupted != 0) return;
    run.interrupted = signal;
    run.say(event::Severity::warning, signal == SIGINT ? "interrupted: finishing what is on its way up"
                                                       : "told to end: finishing what is on its way up");
    run.stop_learning();
    if (!run.driver) {
        parts_->work.cancel();
        return;
    }
    run.driver->stop();
    run.outlets.stop(upload_grace);
    run.live.notify_all();
    auto last_resort = [](async::Clock& clock, async::TaskGroup& work) -> Task<void> {
        co_await clock.sleep_for(everything_ends_after);
        work.cancel();
    };
    parts_->timers.spawn(last_resort(run.clock, parts_->work));
}

void Run::supersede(std::string by) {
    auto& run = parts_->run;
    if (run.is_ending()) return;
    run.superseded_by = std::move(by);
    run.say(event::Severity::notice,
            "a newer run of this workflow waits: nothing new starts, what runs is finished and pushed");
    run.stop_learning();
    if (run.driver) run.driver->drain();
    run.live.notify_all();
}

bool Run::is_interrupted() const { return parts_->run.interrupted != 0; }

report::RunReport Run::report() const {
    auto report = account_of({.run = parts_->run,
                              .fleet = parts_->fleet,
                              .planning = parts_->planning,
                              .pushes = parts_->pushes,
                              .verification = parts_->verification,
                              .announcements = parts_->announcements});
    if (parts_->shard) report.shard = parts_->shard->report();
    if (parts_->after_shards) report.shard = parts_->after_shards->report();
    return report;
}

Task<Result<WrittenBundle>> Run::write_bundle(report::ShardPlan cut, std::filesystem::path file) {
    Bundling bundling(parts_->run, parts_->fleet, parts_->pushes);
    co_return co_await bundling.write(std::move(cut), std::move(file));
}

std::size_t Run::planned_pushes() const { return parts_->pushes.planned_pushes(); }
const plan::Plan& Run::plan() const { return parts_->run.live.now(); }
const plan::Graph& Run::graph() const { return parts_->run.graph; }
const plan::Facts& Run::facts() const { return parts_->run.facts; }
const std::vector<plan::Target>& Run::plan_targets() const { return parts_->run.live.targets(); }

std::string Run::where_it_does_not_count(plan::PathId path) const {
    return parts_->run.consumers->uncounted().explain(path);
}

} // namespace cachefill::fill
