#include "app/run.hpp"

#include "app/history.hpp"
#include "app/machines.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "build/roots.hpp"

#include <algorithm>
#include <csignal>
#include <iterator>
#include <set>

namespace cachefill::app {

using async::Task;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

// The platform gives 7.5 s after the first signal; this leaves time for the report.
constexpr auto upload_grace = 4500ms;
constexpr auto everything_ends_after = 5500ms;

std::chrono::milliseconds since(Clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
}

} // namespace

Run::Run(Session& session, Extent extent)
    : session_(session), extent_(extent), presence_(session.executor(), graph_, facts_, session.sink()),
      work_(session.executor()), timers_(session.executor()), evaluations_(session.executor()),
      plan_changed_(session.executor()) {}

Run::~Run() = default;

void Run::say(event::Severity severity, std::string text, std::string hint) {
    event::Message message{.severity = severity, .text = std::move(text), .hint = std::move(hint)};
    session_.sink().on_event(message);
}

void Run::fail(Failure failure) {
    say(event::Severity::error, failure.one_line(), failure.hint());
    failures_.push_back(std::move(failure));
}

Task<void> Run::execute() {
    work_.spawn(work());
    co_await work_.join();
    timers_.cancel();
    co_await timers_.join();
}

void Run::interrupt(int signal) {
    if (interrupted_ != 0) return;
    interrupted_ = signal;
    say(event::Severity::warning, signal == SIGINT ? "interrupted: finishing what is on its way up"
                                                   : "told to end: finishing what is on its way up");
    evaluations_.cancel();
    if (!driver_) {
        work_.cancel();
        return;
    }
    driver_->stop();
    if (pipeline_) pipeline_->stop(upload_grace);
    for (auto& mirror : mirrors_) mirror->pipeline().stop(upload_grace);
    plan_changed_.notify_all();
    auto last_resort = [](async::TaskGroup& work) -> Task<void> {
        co_await async::sleep_for(everything_ends_after);
        work.cancel();
    };
    timers_.spawn(last_resort(work_));
}

void Run::supersede(std::string by) {
    if (is_ending()) return;
    superseded_by_ = std::move(by);
    say(event::Severity::notice,
        "a newer run of this workflow waits: nothing new starts, what runs is finished and pushed");
    evaluations_.cancel();
    if (driver_) driver_->drain();
    plan_changed_.notify_all();
}

Task<void> Run::work() {
    bool going = co_await preflight();
    if (going) going = co_await discover();
    if (!going) co_return;
    co_await fill();
    count_present();
    // The newer run verifies what this one leaves.
    bool verifies = extent_ != Extent::plan && !session_.settings().read_only && superseded_by_.empty();
    if (interrupted_ || !verifies) co_return;
    co_await verify();
    if (is_filling()) co_await pin();
    if (leaves_manifest()) co_await publish_manifest(true);
}

void Run::stage_started(event::Stage stage) {
    event::StageStarted started{.stage = stage};
    session_.sink().on_event(started);
}

void Run::note_stage(event::Stage stage, Clock::time_point start) {
    report::StageReport record;
    record.stage = stage;
    record.took = since(start);
    record.start = std::chrono::duration_cast<std::chrono::milliseconds>(start - start_);
    stages_.push_back(record);
}

void Run::stage_finished(event::Stage stage, Clock::time_point start) {
    note_stage(stage, start);
    event::StageFinished finished{.stage = stage, .took = since(start)};
    session_.sink().on_event(finished);
}

Task<bool> Run::preflight() {
    auto start = Clock::now();
    stage_started(event::Stage::preflight);
    const auto& settings = session_.settings();
    eval::EvalSettings eval_settings;
    eval_settings.flake = settings.flake;
    eval_settings.store_uri = settings.store;
    eval_settings.environment = session_.environment().without_our_secrets();
    eval_settings.impure = settings.impure;
    eval_settings.import_from_derivation = settings.import_from_derivation;
    eval_settings.accept_flake_config = settings.accept_flake_config;
    eval_settings.jobs = settings.eval_jobs;
    eval_settings.deadline = settings.eval_timeout;
    eval_settings.memory_history = session_.state_directory() / "evaluation-memory.json";
    evaluator_ = eval::make_evaluator(session_.executor(), std::move(eval_settings), session_.sink());

    auto need = is_filling() && !settings.read_only ? Session::Need::writing : Session::Need::reading;
    std::optional<Result<eval::FlakeInfo>> flake;
    auto open_flake = [](eval::Evaluator& evaluator, std::optional<Result<eval::FlakeInfo>>& result) -> Task<void> {
        result.emplace(co_await evaluator.open());
    };
    async::TaskGroup opening(session_.executor());
    opening.spawn(open_flake(*evaluator_, flake));
    auto findings = co_await session_.preflight(need, true);
    co_await opening.join();
    for (auto& finding : findings) fail(std::move(finding));
    // Without Nix or its daemon the flake cannot be read either; one finding is enough.
    if (!*flake && session_.has_store()) fail(std::move(*flake).error());
    if (!failures_.empty()) co_return false;
    flake_ = std::move(**flake);
    graph_.prefer([machines = machines_from(session_.nix()).abilities](const plan::GraphDerivation& derivation) {
        return plan::BuildAbility::fits(derivation, machines);
    });
    auto backend = session_.take_cache();
    auto url = backend->uri().to_string();
    presence_.add(std::move(backend), std::move(url), session_.cache_keys(), session_.cache_info());
    if (session_.cache_keys().empty()) presence_.source(plan::own_cache).any_signature = true;
    auto upstreams = Upstreams::make(session_, presence_);
    if (!upstreams) {
        fail(std::move(upstreams).error());
        co_return false;
    }
    upstreams_.emplace(std::move(*upstreams));
    if (!co_await open_mirrors()) co_return false;
    auto history = History::open(session_.state_directory() / "history.sqlite");
    if (history)
        history_ = std::move(*history);
    else
        say(event::Severity::notice, history.error().one_line(), history.error().hint());
    stage_finished(event::Stage::preflight, start);
    co_return true;
}

Task<bool> Run::discover() {
    auto start = Clock::now();
    stage_started(event::Stage::discover);
    const auto& settings = session_.settings();
    co_await find_branch();
    auto found = co_await evaluator_->discover(settings.also);
    if (!found) {
        fail(std::move(found).error());
        co_return false;
    }
    auto wanted_hosts = settings.hosts;
    if (extent_ == Extent::verify)
        for (const auto& argument : settings.arguments) wanted_hosts.push_back(argument);
    auto selectors = eval::Selectors::parse(wanted_hosts);
    auto evaluate_only = eval::Selectors::parse(settings.evaluate_only);
    for (auto* parsed : {&selectors, &evaluate_only})
        if (!*parsed) {
            fail(std::move(*parsed).error());
            co_return false;
        }
    std::vector<std::string> names;
    for (const auto& target : *found) names.push_back(target.name);
    for (const auto& wrong : selectors->unmatched_names(*found)) {
        Failure failure(FailureKind::usage, "the flake has no host '" + sanitize(wrong) + "'");
        auto meant = did_you_mean(wrong, names);
        fail(std::move(failure).with_hint(meant ? "did you mean '" + *meant + "'?" : "it has: " + join(names, ", ")));
    }
    event::TargetsFound targets_found;
    for (auto& target : *found) {
        bool only = !settings.evaluate_only.empty() && evaluate_only->selects(target);
        if (target.is_host() && !only && !selectors->selects(target)) {
            targets_found.skipped.push_back(target.display());
            continue;
        }
        TargetRecord record;
        record.evaluate_only = only;
        record.named_exactly = selectors->names_exactly(target);
        targets_found.targets.push_back(target.display());
        record.ref = std::move(target);
        targets_.push_back(std::move(record));
    }
    session_.sink().on_event(targets_found);
    skipped_ = targets_found.skipped;
    if (targets_.empty() && failures_.empty())
        fail(Failure(FailureKind::usage, found->empty() ? "the flake " + settings.flake + " has no hosts"
                                                        : "no host of the flake is selected")
                 .with_hint(found->empty() ? "cachefill looks for nixosConfigurations, darwinConfigurations and "
                                             "homeConfigurations; --also packages adds others"
                                           : "the flake has: " + join(names, ", ")));
    stage_finished(event::Stage::discover, start);
    co_return failures_.empty();
}

Task<Result<void>> Run::open_store_side() {
    CO_TRY(roots, co_await build::Roots::open(session_.endpoint(), session_.state_directory() / "roots"));
    roots_ = std::move(roots);
    driver_ = build::make_driver(session_.executor(), session_.endpoint(), graph_, *roots_, build_settings(),
                                 driver_callbacks(), session_.sink());
    if (!session_.settings().read_only)
        pipeline_ = push::make_pipeline(session_.executor(), *presence_.source(plan::own_cache).backend,
                                        session_.workers(), push_settings(), push_environment(), session_.sink());
    start_mirrors();
    co_return Result<void>();
}

Task<void> Run::fill() {
    if (is_filling()) {
        auto opened = co_await open_store_side();
        if (!opened) {
            fail(std::move(opened).error());
            co_return;
        }
    }
    if (is_ending()) co_return;
    evaluating_ = true;
    async::TaskGroup stages(session_.executor()), watchers(session_.executor());
    stages.spawn(evaluate_all());
    if (extent_ != Extent::verify) stages.spawn(keep_planning());
    if (is_filling()) {
        stages.spawn(build_and_close());
        if (pipeline_) stages.spawn(push_all());
        if (pipeline_) stages.spawn(announce_build());
        for (std::size_t number = 0; number < mirrors_.size(); ++number) stages.spawn(push_to_mirror(number));
        watchers.spawn(watch_disk());
        if (session_.settings().deadline) watchers.spawn(watch_deadline());
    }
    std::exception_ptr error;
    try {
        co_await stages.join();
    } catch (...) { // rethrown below, once the watchers have ended
        error = std::current_exception();
    }
    co_await async::asio::this_coro::throw_if_cancelled(false);
    watchers.cancel();
    co_await watchers.join();
    co_await async::asio::this_coro::throw_if_cancelled(true);
    if (error) std::rethrow_exception(error);
}

Task<void> Run::evaluate_all() {
    auto start = Clock::now();
    stage_started(event::Stage::evaluate);
    for (std::size_t number = 0; number < targets_.size(); ++number) evaluations_.spawn(evaluate(number));
    co_await evaluations_.join();
    evaluating_ = false;
    plan_changed_.notify_all();
    if (driver_) driver_->wake();
    stage_finished(event::Stage::evaluate, start);
}

Task<void> Run::evaluate(std::size_t number) {
    auto start = Clock::now();
    auto target = targets_[number].ref;
    auto result = co_await evaluator_->evaluate(target);
    auto& record = targets_[number];
    record.took = since(start);
    event::EvaluationFinished finished;
    finished.target = target.display();
    finished.succeeded = result.has_value();
    finished.took = record.took;
    if (result) {
        finished.impure = result->impure;
        finished.took = result->took;
        finished.peak_memory = result->peak_memory;
        finished.derivation = result->derivation.to_string();
        finished.built_by_evaluation = result->built_by_evaluation.size();
        record.evaluated = std::move(*result);
        session_.sink().on_event(finished);
        auto adopted = co_await adopt(number);
        if (!adopted) {
            auto failure = std::move(adopted).error().with_context("reading the derivations of " + target.display());
            if (failure.kind() == FailureKind::protocol)
                failure = std::move(failure).with_hint("a file of the store is damaged: "
                                                       "nix-store --verify --check-contents --repair");
            fail(std::move(failure));
        }
        co_return;
    }
    record.needs_system = evaluator_->system_needed_for(target);
    if (!record.needs_system.empty()) {
        finished.succeeded = true;
        finished.needs_system = record.needs_system;
        session_.sink().on_event(finished);
        co_return;
    }
    record.position = evaluator_->position_of_failure(target);
    finished.position = record.position;
    finished.error = result.error().cause();
    record.failure = std::move(result).error();
    session_.sink().on_event(finished);
}

Task<Result<void>> Run::adopt(std::size_t number) {
    auto evaluated = *targets_[number].evaluated;
    // What evaluation wrote and built is rooted by nobody once the evaluator has ended.
    std::vector<nix::StorePath> held{evaluated.derivation};
    for (const auto& derivation : evaluated.built_by_evaluation) held.push_back(derivation);
    CO_TRY_VOID(co_await session_.connection().add_temp_roots(std::move(held)));
    if (targets_[number].evaluate_only || is_left_to_others(*targets_[number].evaluated)) co_return Result<void>();

    auto read = [this](const nix::StorePath& path) -> Result<nix::Derivation> {
        TRY(text, read_file(session_.endpoint().physical(path)));
        return with_context(nix::Derivation::parse(text), "reading " + path.to_string());
    };
    auto before = graph_.path_count();
    CO_TRY(root, graph_.add_closure(evaluated.derivation, read));
    plan::Target target;
    target.name = evaluated.target.display();
    target.derivation = root;
    const auto& outputs = graph_.derivation(root).outputs;
    for (const auto& wanted : evaluated.outputs)
        for (std::size_t i = 0; i < outputs.size(); ++i)
            if (outputs[i].name == wanted) target.outputs.push_back(static_cast<std::uint16_t>(i));
    if (target.outputs.empty()) target.outputs.push_back(0);
    target.trusted_caches = upstreams_->trusted_by(evaluated);
    std::set<plan::DerivationId> built, inputs_of_built;
    for (const auto& derivation : evaluated.built_by_evaluation) {
        CO_TRY(id, graph_.add_closure(derivation, read));
        built.insert(id);
        for (const auto& input : graph_.derivation(id).inputs) inputs_of_built.insert(input.derivation);
    }
    // Whoever evaluates needs what is read; what that was built from only if it has to be built again.
    std::set_difference(built.begin(), built.end(), inputs_of_built.begin(), inputs_of_built.end(),
                        std::back_inserter(target.built_by_evaluation));
    std::vector<plan::PathId> fresh;
    for (auto id = before; id < graph_.path_count(); ++id) fresh.push_back(static_cast<plan::PathId>(id));
    if (extent_ != Extent::verify) CO_TRY_VOID(co_await ask_ahead(target, std::move(fresh)));
    targets_[number].planned = plan_targets_.size();
    plan_targets_.push_back(std::move(target));
    plan_is_stale_ = true;
    plan_changed_.notify_all();
    co_return Result<void>();
}

// Bulk where the cache has it. Elsewhere a target that is there is walked by its narinfos, which is few requests; one
// that is not will be asked about output by output, so all of them are asked at once instead of level by level.
Task<Result<void>> Run::ask_ahead(const plan::Target& target, std::vector<plan::PathId> fresh) {
    if (presence_.source(plan::own_cache).info.has_bulk_query) co_return co_await presence_.ask_bulk(std::move(fresh));
    auto top = graph_.derivation(target.derivation).outputs[target.outputs.front()].path;
    if (top == plan::no_path) co_return Result<void>();
    plan::Questions first;
    first.remote.push_back({top, plan::bit(plan::own_cache)});
    CO_TRY_VOID(co_await presence_.answer(std::move(first), nullptr));
    if (facts_.of(top).present & plan::bit(plan::own_cache)) co_return Result<void>();
    plan::Questions all;
    for (auto id : fresh)
        if (graph_.producer(id) && !(facts_.of(id).asked & plan::bit(plan::own_cache)))
            all.remote.push_back({id, plan::bit(plan::own_cache)});
    co_return co_await presence_.answer(std::move(all), nullptr);
}

Task<void> Run::keep_planning() {
    auto start = Clock::now();
    auto is_over = [this] {
        if (is_ending()) return true;
        if (plan_is_stale_ || evaluating_) return false;
        return !is_filling() || building_done_;
    };
    while (!is_over()) {
        if (!plan_is_stale_) {
            co_await plan_changed_.wait();
            continue;
        }
        planning_ = true;
        auto planned = co_await plan_once();
        planning_ = false;
        plan_changed_.notify_all();
        if (!planned) {
            fail(std::move(planned).error().with_context("asking what the caches have"));
            evaluations_.cancel();
            plan_is_stale_ = false;
            if (driver_) driver_->wake();
            break;
        }
        if (driver_) driver_->wake();
    }
    note_stage(event::Stage::query, start);
}

Task<Result<void>> Run::plan_once() {
    do {
        plan_is_stale_ = false;
        plan_ = plan::make_plan(graph_, facts_, plan_targets_, policy());
        apply_plan();
        if (plan_.questions.empty()) continue;
        plan_is_stale_ = true;
        auto questions = plan_.questions;
        CO_TRY_VOID(co_await presence_.answer(std::move(questions), &session_.connection()));
    } while (plan_is_stale_ && interrupted_ == 0 && superseded_by_.empty());
    co_return Result<void>();
}

void Run::apply_plan() {
    counting_ = plan::counting_caches(graph_, facts_, plan_targets_);
    for (const auto& build : plan_.builds) {
        needed_by_[build.derivation] = build.targets;
        if (build.last)
            deferred_[build.derivation] =
                build.deferred ? deferral(graph_.derivation(build.derivation)) : "needed only by what is deferred";
        else
            deferred_.erase(build.derivation);
        for (auto path : build.fetch) fetched_for_[path].insert(build.targets.begin(), build.targets.end());
    }
    for (const auto& lacking : plan_.not_fetchable_here) {
        auto is_known = [&](const auto& entry) { return entry.second == lacking.cache; };
        bool is_news = std::none_of(lacking_.begin(), lacking_.end(), is_known);
        lacking_.try_emplace(lacking.path, lacking.cache);
        if (is_news)
            say(event::Severity::notice,
                "this machine lacks the substituter " + presence_.sources()[lacking.cache].url +
                    ": what is there and needed here as an input is built again",
                "add it and its key to this machine's substituters and trusted-public-keys");
    }
    if (driver_) driver_->update(plan_);
    for (auto path : plan_.pushes) push(graph_.path(path), false);
    event::PlanChanged changed;
    changed.derivations = graph_.derivation_count();
    changed.builds = plan_.builds.size();
    for (const auto& build : plan_.builds) switch (graph_.derivation(build.derivation).kind) {
        case plan::DerivationKind::compile:
            ++changed.compiles;
            break;
        case plan::DerivationKind::light:
            ++changed.light;
            break;
        case plan::DerivationKind::local_by_design:
            ++changed.local_by_design;
            break;
        case plan::DerivationKind::fixed_output:
            ++changed.fixed_output;
            break;
        }
    changed.fetches = plan_.fetches.size();
    changed.bytes_to_fetch = plan_.bytes_to_fetch;
    changed.pushes_without_build = plan_.pushes.size();
    changed.expected = plan_.expected_total;
    changed.critical_path = plan_.critical_path;
    session_.sink().on_event(changed);
}

void Run::count_present() {
    for (std::size_t i = 0; i < graph_.path_count(); ++i) {
        auto id = static_cast<plan::PathId>(i);
        auto present = facts_.of(id).present;
        bool by_us = pipeline_ && pipeline_->ledger().contains(graph_.path(id));
        if (!present || by_us || !graph_.producer(id)) continue;
        ++(present & plan::bit(plan::own_cache) ? present_ : upstream_);
    }
}

Task<void> Run::build_and_close() {
    auto start = Clock::now();
    stage_started(event::Stage::build);
    co_await driver_->run();
    building_done_ = true;
    if (deadline_reached_) note_used_up_deadline();
    plan_changed_.notify_all();
    co_await give_targets_to_mirrors();
    if (pipeline_) pipeline_->close();
    for (auto& mirror : mirrors_) mirror->pipeline().close();
    stage_finished(event::Stage::build, start);
}

Task<void> Run::push_all() {
    auto start = Clock::now();
    stage_started(event::Stage::push);
    co_await pipeline_->run();
    stage_finished(event::Stage::push, start);
}

Task<void> Run::watch_deadline() {
    auto left = *session_.settings().deadline - since(start_);
    co_await async::sleep_for(std::max<std::chrono::milliseconds>(left, 0ms));
    deadline_reached_ = true;
    say(event::Severity::warning,
        "the deadline of " + human_duration(*session_.settings().deadline) +
            " has come: no more builds, uploads are finished",
        "the next run goes on from here");
    evaluations_.cancel();
    driver_->stop();
    plan_changed_.notify_all();
}

} // namespace cachefill::app
