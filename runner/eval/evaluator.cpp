#include "eval/evaluator.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "eval/admission.hpp"
#include "eval/build_outside.hpp"
#include "eval/complaint.hpp"
#include "eval/confinement.hpp"
#include "eval/discover.hpp"
#include "eval/error_location.hpp"
#include "eval/evaluated.hpp"
#include "eval/expression.hpp"
#include "eval/flake.hpp"
#include "eval/flake_check.hpp"
#include "eval/flake_failure.hpp"
#include "eval/licence_check.hpp"
#include "eval/memory.hpp"
#include "eval/nix_command.hpp"
#include "eval/past_evaluations.hpp"
#include "eval/room.hpp"
#include "eval/source_line.hpp"
#include "event/event.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

namespace cachefill::eval {

namespace {

constexpr std::size_t most_messages = 200; // of all evaluators together
constexpr int tries_after_bad_luck = 3;

std::size_t jobs_of(const EvalSettings& settings) {
    if (settings.jobs) return settings.jobs;
    return std::max(1U, std::thread::hardware_concurrency());
}

Admission::Probe system_probe() {
    return {.available = [] { return available_memory(); }, .resident = [](int pid) { return resident_memory(pid); }};
}

Result<EvaluatedTarget> evaluated_by(const NixRun& run, const TargetRef& target, bool impure,
                                     std::vector<nix::StorePath> built_outside) {
    TRY(evaluated, parse_evaluated(target, run.output));
    evaluated.impure = impure;
    evaluated.read_by_evaluation = run.log.reads().reads();
    evaluated.unknown_reads = run.log.reads().unnamed();
    evaluated.built_by_evaluation = std::move(built_outside);
    evaluated.built_by_evaluation.insert(evaluated.built_by_evaluation.end(), run.log.built().begin(),
                                         run.log.built().end());
    evaluated.fetched_by_evaluation = run.log.substituted();
    evaluated.took = run.took;
    evaluated.peak_memory = run.status.peak_memory;
    return evaluated;
}

class NixEvaluator final : public Evaluator {
  public:
    NixEvaluator(async::Executor executor, EvalSettings settings, event::Sink& sink)
        : settings_(std::move(settings)), sink_(sink), admission_(executor, jobs_of(settings_), system_probe()) {
        may_give_room_ = may_reserve_room() && settings_.environment.get_or(heap_variable).empty();
        if (settings_.past_evaluations.empty()) return;
        auto past = PastEvaluations::read(settings_.past_evaluations);
        if (past)
            past_ = std::move(*past);
        else
            say(event::Severity::notice, "what evaluations took before is not known: " + past.error().one_line());
    }

    async::Task<Result<FlakeInfo>> read() override;
    async::Task<Result<FlakeInfo>> open() override;
    async::Task<Result<std::vector<TargetRef>>> discover(std::vector<std::string> extra_kinds) override;
    async::Task<Result<EvaluatedTarget>> evaluate(TargetRef target) override;
    async::Task<void> check(std::vector<CheckFinding>& findings) override;

    std::optional<event::Position> position_of_failure(const TargetRef& target) const override {
        auto it = positions_.find(target.display());
        if (it == positions_.end()) return {};
        return it->second;
    }
    std::optional<std::chrono::milliseconds> expected_time(const TargetRef& target) const override {
        auto took = past_.of(target.display()).took;
        return took.count() ? std::optional(took) : std::nullopt;
    }
    std::string system_needed_for(const TargetRef& target) const override {
        auto found = needed_systems_.find(target.display());
        return found == needed_systems_.end() ? std::string() : found->second;
    }

  private:
    // One try: what it evaluated to, or the failure with what decides about another try.
    struct Attempt {
        std::optional<EvaluatedTarget> evaluated;
        std::optional<Failure> failure;
        std::optional<event::Position> position;
        std::string refusal;       // NIXPKGS_ALLOW_…, when somebody says that a package is refused
        std::string licence;       // what nixpkgs' licence check said, if it was that
        std::string needed_system; // when evaluation had to build for another one
        Used used;
        bool out_of_memory = false;
        bool had_bad_luck = false; // nothing speaks against another try
    };
    async::Task<Result<NixRun>> run_and_build(NixCommand command, NixHooks hooks,
                                              std::vector<nix::StorePath>& built_outside);
    async::Task<Attempt> attempt(const TargetRef& target, bool impure, bool alone);
    async::Task<Attempt> attempt_with_memory(const TargetRef& target, bool impure);
    async::Task<Attempt> evaluate_as_licensed(const TargetRef& target);
    // What this run read of builds, if it may have failed for want of them; not twice the same.
    std::vector<nix::StorePath> to_build_outside(const NixRun& run, const std::vector<nix::StorePath>& tried) const;
    void say_how_confined();
    void note_position_of_flake(const std::optional<event::Position>& position);
    NixHooks hooks(std::string prefix);
    void say(event::Severity severity, std::string text, std::string hint = {});
    void remember(const TargetRef& target, const Used& used);
    void keep_past();

    EvalSettings settings_;
    event::Sink& sink_;
    Admission admission_;
    PastEvaluations past_;
    std::optional<OpenedFlake> flake_;
    bool has_inputs_ = false;
    std::map<std::string, event::Position> positions_;  // by display name
    std::map<std::string, std::string> needed_systems_; // likewise
    std::set<std::string> said_;                        // hosts share most of their warnings
    bool past_is_unwritable_ = false;
    bool may_give_room_ = false;
};

void NixEvaluator::say(event::Severity severity, std::string text, std::string hint) {
    sink_.on_event(event::Message{.severity = severity, .text = std::move(text), .hint = std::move(hint)});
}

NixHooks NixEvaluator::hooks(std::string prefix) {
    auto on_message = [this, prefix = std::move(prefix)](event::Severity severity, const std::string& text) {
        if (said_.size() >= most_messages || !said_.insert(text).second) return;
        say(severity, prefix + text);
    };
    return {.on_message = std::move(on_message), .on_start = {}};
}

void NixEvaluator::note_position_of_flake(const std::optional<event::Position>& position) {
    auto key = TargetRef{}.display();
    positions_.erase(key);
    if (position) positions_[key] = *position;
}

async::Task<Result<FlakeInfo>> NixEvaluator::read() {
    if (flake_) co_return flake_->info;
    std::optional<event::Position> position;
    auto listening = hooks(std::string());
    auto opened = co_await read_flake(settings_, std::move(listening), position);
    note_position_of_flake(position);
    if (!opened) co_return std::move(opened).error();
    flake_ = std::move(*opened);
    co_return flake_->info;
}

async::Task<Result<FlakeInfo>> NixEvaluator::open() {
    CO_TRY_VOID(co_await read());
    if (has_inputs_) co_return flake_->info;
    std::optional<event::Position> position;
    auto listening = hooks(std::string());
    auto fetched = co_await fetch_inputs(settings_, *flake_, std::move(listening), position);
    note_position_of_flake(position);
    if (!fetched) co_return std::move(fetched).error();
    has_inputs_ = true;
    say_how_confined();
    co_return flake_->info;
}

async::Task<Result<std::vector<TargetRef>>> NixEvaluator::discover(std::vector<std::string> extra_kinds) {
    CO_TRY_VOID(co_await open());
    std::vector<TargetKind> kinds{TargetKind::nixos, TargetKind::darwin, TargetKind::home};
    CO_TRY(extra, parse_extra_kinds(extra_kinds));
    kinds.insert(kinds.end(), extra.begin(), extra.end());
    auto listening = hooks(std::string());
    auto listings = co_await list_targets(settings_, *flake_, std::move(kinds), std::move(listening));
    if (!listings) co_return std::move(listings).error();

    std::vector<TargetRef> targets;
    std::optional<Failure> failure;
    for (auto& listing : *listings) {
        TargetRef kind{.kind = listing.kind, .name = {}, .attribute_path = {}};
        if (listing.failure) {
            if (listing.position) positions_[kind.display()] = *listing.position;
            if (kind.is_host()) {
                if (!failure) failure = std::move(listing.failure);
            } else {
                say(event::Severity::error, listing.failure->one_line(), listing.failure->hint());
            }
            continue;
        }
        std::move(listing.targets.begin(), listing.targets.end(), std::back_inserter(targets));
    }
    if (failure) co_return std::move(*failure);
    co_return targets;
}

std::vector<nix::StorePath> NixEvaluator::to_build_outside(const NixRun& run,
                                                           const std::vector<nix::StorePath>& tried) const {
    std::vector<nix::StorePath> wanted;
    if (run.status.success() || !run.was_confined || settings_.confining.has_daemon) return wanted;
    for (const auto& read : run.log.reads().reads())
        if (std::find(tried.begin(), tried.end(), read.derivation) == tried.end()) wanted.push_back(read.derivation);
    return wanted;
}

void NixEvaluator::say_how_confined() {
    const auto& confining = settings_.confining;
    if (!confining.is_wanted) return;
    if (async::landlock_version() == 0)
        say(event::Severity::info, "evaluators are not confined: this system has no Landlock (Linux 5.19 or newer)");
    else if (!confining.has_daemon && settings_.import_from_derivation)
        say(event::Severity::info, "only impure evaluation is confined: without nix-daemon, evaluators build what they "
                                   "import from by themselves");
}

// Where no daemon builds for a confined evaluator, we do, until it wants nothing more.
async::Task<Result<NixRun>> NixEvaluator::run_and_build(NixCommand command, NixHooks hooks,
                                                        std::vector<nix::StorePath>& built_outside) {
    std::vector<nix::StorePath> tried_outside;
    for (;;) {
        auto once = command;
        auto run = co_await run_nix(settings_, std::move(once), hooks);
        if (!run) co_return run;
        auto wanted = to_build_outside(*run, tried_outside);
        if (wanted.empty()) co_return run;
        tried_outside.insert(tried_outside.end(), wanted.begin(), wanted.end());
        auto built = co_await build_outside(settings_, std::move(wanted));
        if (!built) co_return std::move(built).error().with_context(command.doing);
        built_outside.insert(built_outside.end(), built->begin(), built->end());
    }
}

async::Task<NixEvaluator::Attempt> NixEvaluator::attempt(const TargetRef& target, bool impure, bool alone) {
    auto past = past_.of(target.display());
    auto expected = past.need ? past.need : default_peak_memory;
    // Alone it runs because memory was short.
    bool may_have_room = may_give_room_ && !alone && room_for(past, 2 * expected) > 0;
    auto ticket = co_await admission_.enter(expected, alone, may_have_room);
    const auto doing = "evaluating " + target.display();
    auto command = evaluation(*flake_, impure, target.attribute_path, target_expression(target.kind));
    // At verbosity "debug" nix tells what it reads of derivations' outputs; measured, that costs nothing.
    command.arguments.emplace_back("-vvv");
    command.doing = doing;
    command.deadline = settings_.deadline;
    command.room = may_have_room ? room_for(past, ticket.granted()) : 0;
    Attempt result;
    result.used.room = command.room;
    result.used.granted = ticket.granted();
    auto with_pid = hooks(target.display() + ": ");
    with_pid.on_start = [&ticket](int pid) { ticket.runs_as(pid); };
    std::vector<nix::StorePath> built_outside;
    auto run = co_await run_and_build(std::move(command), std::move(with_pid), built_outside);
    if (!run) {
        result.failure = std::move(run).error();
        co_return result;
    }
    result.used.peak = run->status.peak_memory;
    result.used.took = run->took;
    result.used.processor = run->status.processor_time;
    result.used.succeeded = run->status.success();
    if (run->status.success()) {
        auto evaluated = evaluated_by(*run, target, impure, std::move(built_outside));
        if (evaluated)
            result.evaluated = std::move(*evaluated);
        else
            result.failure = std::move(evaluated).error().with_context(doing);
        co_return result;
    }
    result.out_of_memory = run->out_of_memory();
    result.had_bad_luck = complaint_in(run->message()) == Complaint::narinfo_memory;
    auto sources = source_map(flake_->info);
    if (run->log.error()) {
        result.position = locate(*run->log.error(), sources);
        result.refusal = refusal_variable(sanitize(run->log.error()->text));
        result.licence = licence_refusal(*run->log.error(), flake_->info);
        result.needed_system = needed_system(sanitize(run->log.error()->text));
    }
    auto failure = co_await failure_in_flake(*run, std::move(sources), settings_.environment);
    if (result.position) failure = with_source_line(std::move(failure), *result.position, flake_->info.directory);
    result.failure = std::move(failure).with_context(doing);
    co_return result;
}

async::Task<NixEvaluator::Attempt> NixEvaluator::attempt_with_memory(const TargetRef& target, bool impure) {
    auto first = co_await attempt(target, impure, false);
    for (int again = 0; first.had_bad_luck && again < tries_after_bad_luck; ++again)
        first = co_await attempt(target, impure, false);
    if (first.used.peak) remember(target, first.used);
    if (!first.out_of_memory) co_return first;
    say(event::Severity::notice, "evaluating " + target.display() + " ran out of memory at " +
                                     human_bytes(first.used.peak) + "; trying once more, alone");
    auto second = co_await attempt(target, impure, true);
    if (second.used.peak) remember(target, second.used);
    if (second.out_of_memory) {
        auto peak = std::max(first.used.peak, second.used.peak);
        second.failure = Failure(FailureKind::machine, "the evaluator was killed for memory at " + human_bytes(peak) +
                                                           ", twice, the second time alone")
                             .with_context("evaluating " + target.display())
                             .with_hint("give the machine more memory or swap; fewer programs beside it may do");
    }
    co_return second;
}

// Purely first, but where that would only be refused again.
async::Task<NixEvaluator::Attempt> NixEvaluator::evaluate_as_licensed(const TargetRef& target) {
    auto name = target.display();
    auto lock = lock_name(flake_->info.lock);
    bool may_expect = settings_.expects_refusals && may_repeat_impurely(settings_);
    if (auto licence = may_expect ? past_.refusal_to_expect(name, lock) : std::nullopt) {
        auto result = co_await attempt_with_memory(target, true);
        if (result.evaluated) {
            say(event::Severity::notice, impure_at_once(name, *licence), std::string(how_to_be_asked_again));
            result.evaluated->why_impure = std::move(*licence);
            co_return result;
        }
        past_.forget_refusal(name);
    }
    auto result = co_await attempt_with_memory(target, settings_.impure == Impure::always);
    if (!result.failure || result.licence.empty() || !may_repeat_impurely(settings_)) {
        if (result.evaluated && !result.evaluated->impure) past_.forget_refusal(name);
        co_return result;
    }
    auto licence = result.licence;
    result = co_await attempt_with_memory(target, true);
    if (!result.evaluated) co_return result;
    say(event::Severity::notice, repeated_impurely(name, licence), std::string(how_to_stay_pure));
    past_.learn_refusal(name, licence, std::move(lock));
    keep_past();
    result.evaluated->why_impure = std::move(licence);
    co_return result;
}

async::Task<Result<EvaluatedTarget>> NixEvaluator::evaluate(TargetRef target) {
    CO_TRY_VOID(co_await open());
    auto name = target.display();
    positions_.erase(name);
    needed_systems_.erase(name);
    sink_.on_event(event::EvaluationStarted{.target = name});
    auto result = co_await evaluate_as_licensed(target);
    if (result.evaluated) co_return std::move(*result.evaluated);
    if (result.position) positions_[name] = *result.position;
    if (!result.needed_system.empty()) needed_systems_[name] = result.needed_system;
    if (result.refusal.empty()) co_return std::move(*result.failure);
    auto hint = after_refusal(settings_, result.refusal, !result.licence.empty());
    co_return std::move(*result.failure).with_hint(std::move(hint));
}

async::Task<void> NixEvaluator::check(std::vector<CheckFinding>& findings) {
    auto listening = hooks(std::string());
    co_await check_outputs(settings_, *flake_, std::move(listening), findings);
}

void NixEvaluator::remember(const TargetRef& target, const Used& used) {
    past_.learn(target.display(), used);
    keep_past();
}

void NixEvaluator::keep_past() {
    if (settings_.past_evaluations.empty() || past_is_unwritable_) return;
    auto written = past_.write(settings_.past_evaluations);
    if (written) return;
    past_is_unwritable_ = true; // said once
    say(event::Severity::notice, "what evaluations take cannot be kept: " + written.error().one_line());
}

} // namespace

std::unique_ptr<Evaluator> make_evaluator(async::Executor executor, EvalSettings settings, event::Sink& sink) {
    return std::make_unique<NixEvaluator>(executor, std::move(settings), sink);
}

} // namespace cachefill::eval
