#include "fill/fleet.hpp"

#include "async/beside.hpp"
#include "async/git.hpp"
#include "async/together.hpp"
#include "base/elapsed.hpp"
#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "cache/nar_look.hpp"
#include "eval/evaluated.hpp"
#include "fill/derivation_damage.hpp"
#include "options/settings.hpp"
#include "session/evaluation.hpp"
#include "session/targets.hpp"

#include <algorithm>
#include <numeric>

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds first_word = 30s, longest_between_words = 10min;

// For as long as somebody else's work lasts that we wait for: until it is cancelled.
Task<void> tell_waiting(RunContext& run, std::string for_what) {
    auto start = run.clock.now();
    for (auto pause = first_word;; pause = std::min(2 * pause, longest_between_words)) {
        co_await run.clock.sleep_for(pause);
        run.say(event::Severity::notice,
                "waiting for nix, which is " + for_what + ", for " + human_duration(run.clock.elapsed_since(start)));
    }
}

std::vector<std::string> names_of(const std::vector<eval::TargetRef>& targets) {
    std::vector<std::string> names;
    for (const auto& target : targets) names.push_back(target.name);
    return names;
}

// Numbers of the targets as their evaluations should begin: those that took longest the last time first, so that none
// of them is the last alone; and before them those of which nothing is known, which may take as long as any.
std::vector<std::size_t> longest_first(const eval::Evaluator& evaluator, const std::vector<TargetRecord>& targets) {
    std::vector<std::size_t> numbers(targets.size());
    std::iota(numbers.begin(), numbers.end(), std::size_t{0});
    std::vector<std::chrono::milliseconds> times;
    for (const auto& target : targets)
        times.push_back(evaluator.expected_time(target.ref).value_or(std::chrono::milliseconds::max()));
    auto is_longer = [&times](std::size_t a, std::size_t b) {
        return times[a] != times[b] ? times[a] > times[b] : a < b;
    };
    std::sort(numbers.begin(), numbers.end(), is_longer);
    return numbers;
}

} // namespace

Task<void> Fleet::open() {
    const auto& settings = run_.session.settings();
    bool is_given = run_.is_filling() && !settings.bundle.empty();
    if (settings.shard > 0 && settings.bundle.empty()) {
        failure_ = Failure(FailureKind::usage, "--shard says which part of a bundle is built, and there is no bundle")
                       .with_hint("add --bundle FILE, which 'cachefill plan --shards' writes");
        co_return;
    }
    if (is_given) is_given = co_await take_bundle();
    if (is_given || failure_) co_return;
    evaluator_ = session::make_evaluator(run_.session, run_.session.settings().flake);
    auto words = tell_waiting(run_, "reading the flake");
    auto read = co_await async::beside(evaluator_->read(), std::move(words));
    if (!read) {
        failure_ = std::move(read).error();
        co_return;
    }
    flake_ = std::move(*read);
    if (recall_.expect(*flake_)) co_return; // once the caches are open
    auto fetched = co_await fetch_inputs();
    if (fetched) co_return;
    flake_.reset();
    failure_ = std::move(fetched).error();
}

Task<Result<void>> Fleet::fetch_inputs() {
    auto words = tell_waiting(run_, "fetching the flake's inputs");
    auto opened = co_await async::beside(evaluator_->open(), std::move(words));
    if (!opened) co_return std::move(opened).error();
    flake_ = std::move(*opened);
    co_return Result<void>();
}

Task<Result<void>> Fleet::list_hosts() {
    recalled_ = co_await recall_.find();
    if (recalled_) {
        hosts_ = recalled_->hosts;
        co_return Result<void>();
    }
    CO_TRY_VOID(co_await fetch_inputs());
    auto words = tell_waiting(run_, "listing the hosts");
    auto found = co_await async::beside(evaluator_->discover(run_.session.settings().also), std::move(words));
    if (!found) co_return std::move(found).error();
    hosts_ = std::move(*found);
    co_return Result<void>();
}

Task<void> Fleet::find_branch() {
    branch_ = run_.session.environment().get_or("GITHUB_REF_NAME");
    if (branch_.empty() && bundle()) branch_ = bundle()->branch;
    if (!branch_.empty() || flake_->directory.empty()) co_return;
    std::vector<std::string> question{"rev-parse", "--abbrev-ref", "HEAD"};
    auto git = async::git_process(flake_->directory, std::move(question), run_.session.environment());
    auto answer = co_await async::run_process(std::move(git), 10s);
    if (answer && answer->status.success()) branch_ = std::string(trim(answer->output));
}

Task<bool> Fleet::discover() {
    auto start = run_.clock.now();
    run_.stage_started(event::Stage::discover);
    co_await find_branch();
    auto listed = co_await list_hosts();
    if (listed) {
        session::remember_hosts(run_.session, hosts_);
        select();
    }
    if (listed && run_.failures.empty() && recalled_ && !co_await is_recalled_whole()) {
        recalled_.reset();
        listed = co_await fetch_inputs();
    }
    if (!listed) run_.fail(std::move(listed).error());
    run_.stage_finished(event::Stage::discover, start);
    co_return run_.failures.empty();
}

void Fleet::select() {
    const auto& settings = run_.session.settings();
    auto wanted_hosts = settings.hosts;
    if (run_.extent == Extent::verify && !settings.arguments.empty()) {
        // What is named here counts instead of what a file selects.
        if (!settings.typed.flags.contains("hosts")) wanted_hosts.clear();
        for (const auto& argument : settings.arguments) wanted_hosts.push_back(argument);
    }
    bool by_hand = settings.typed.flags.contains("hosts") || wanted_hosts != settings.hosts;
    auto selectors = eval::Selectors::parse(wanted_hosts);
    auto evaluate_only = eval::Selectors::parse(settings.evaluate_only);
    for (auto* parsed : {&selectors, &evaluate_only})
        if (!*parsed) {
            run_.fail(std::move(*parsed).error());
            return;
        }
    auto names = names_of(hosts_);
    for (const auto& wrong : selectors->unmatched_names(hosts_)) {
        Failure failure(FailureKind::usage, "the flake has no host '" + shown_name(wrong) + "'");
        auto meant = did_you_mean(wrong, names);
        run_.fail(std::move(failure).with_hint(meant           ? "did you mean '" + *meant + "'?"
                                               : names.empty() ? "it has none at all"
                                                               : "it has: " + join(names, ", ")));
    }
    event::TargetsFound targets_found;
    for (const auto& target : hosts_) {
        bool only = !settings.evaluate_only.empty() && evaluate_only->selects(target);
        // Who names hosts by hand means these, and builds what is named whole.
        if (only && by_hand) only = selectors->selects(target) && !selectors->names_exactly(target);
        bool is_known = !bundle() || bundle()->find(target) || selectors->names_exactly(target);
        if (!is_known || (target.is_host() && !only && !selectors->selects(target))) {
            targets_found.skipped.push_back(target.display());
            continue;
        }
        TargetRecord record;
        record.evaluate_only = only;
        record.named_exactly = selectors->names_exactly(target);
        targets_found.targets.push_back(target.display());
        record.ref = target;
        targets_.push_back(std::move(record));
    }
    run_.session.sink().on_event(targets_found);
    skipped_ = targets_found.skipped;
    if (targets_.empty() && run_.failures.empty())
        run_.fail(Failure(FailureKind::usage, hosts_.empty()
                                                  ? "the flake " + redact_url(settings.flake) + " has no hosts"
                                                  : "no host of the flake is selected")
                      .with_hint(hosts_.empty() ? "cachefill looks for nixosConfigurations, darwinConfigurations and "
                                                  "homeConfigurations; --also packages adds others"
                                                : "the flake has: " + join(names, ", ")));
}

// What is wanted, and whether nothing of it is lacking: else it is worth evaluating.
Task<bool> Fleet::is_recalled_whole() {
    for (const auto& target : targets_) {
        auto printed = recalled_->printed.find(target.ref.display());
        if (printed == recalled_->printed.end()) co_return false;
        auto evaluated = eval::parse_evaluated(target.ref, printed->second);
        if (!evaluated) co_return false;
        if (target.evaluate_only || is_left_to_others(*evaluated)) continue;
        bool is_whole = co_await recall_.is_whole(*recalled_, *evaluated, number_of(*evaluated, true));
        if (!is_whole) co_return false;
    }
    co_return true;
}

// A host that was looked at as it was recalled may be evaluated after all, and come to the same.
std::size_t Fleet::number_of(const eval::EvaluatedTarget& evaluated, bool is_wanted) {
    auto name = evaluated.target.display();
    auto known = known_hosts_.find(name);
    if (known != known_hosts_.end() && known->second.says == evaluated.nix_settings) return known->second.number;
    auto number = run_.consumers->upstreams().add_host(name, evaluated.nix_settings, is_wanted);
    known_hosts_.insert_or_assign(std::move(name), KnownHost{number, evaluated.nix_settings});
    return number;
}

Task<Result<eval::EvaluatedTarget>> Fleet::find_evaluated(eval::TargetRef target) {
    if (!recalled_) co_return co_await evaluator_->evaluate(std::move(target));
    event::EvaluationStarted started{.target = target.display()};
    run_.session.sink().on_event(started);
    auto evaluated = eval::parse_evaluated(target, recalled_->printed.at(target.display()));
    if (evaluated) evaluated->evaluated_before = true;
    co_return evaluated;
}

Task<void> Fleet::evaluate_all() {
    auto start = run_.clock.now();
    run_.stage_started(event::Stage::evaluate);
    auto all = [this](async::TaskGroup& group) {
        for (auto number : longest_first(*evaluator_, targets_)) group.spawn(evaluate(number));
    };
    co_await async::together(run_.evaluations, all);
    run_.live.evaluates(false);
    run_.consumers->refresh_counting();
    run_.wake_driver();
    run_.stage_finished(event::Stage::evaluate, start);
}

Task<void> Fleet::evaluate(std::size_t number) {
    auto start = run_.clock.now();
    auto target = targets_[number].ref;
    auto result = co_await find_evaluated(target);
    auto& record = targets_[number];
    record.took = run_.clock.elapsed_since(start);
    // Its evaluator may have waited for its turn.
    record.start = run_.clock.elapsed_since(run_.start) - (result ? result->took : record.took);
    event::EvaluationFinished finished;
    finished.target = target.display();
    finished.succeeded = result.has_value();
    finished.took = record.took;
    if (result) {
        finished.impure = result->impure;
        finished.took = result->took;
        finished.peak_memory = result->peak_memory;
        finished.evaluated_before = result->evaluated_before;
        finished.derivation = result->derivation.to_string();
        finished.built_by_evaluation = result->built_by_evaluation.size();
        record.evaluated = std::move(*result);
        run_.session.sink().on_event(finished);
        auto adopted = co_await adopt(number);
        if (!adopted) {
            auto failure = std::move(adopted).error().with_context("reading the derivations of " + target.display());
            auto root = targets_[number].evaluated->derivation;
            if (co_await is_damaged(run_.session.connection(), run_.session.endpoint(), root))
                failure = std::move(failure).with_hint(repair_hint(root));
            run_.fail(std::move(failure));
        }
        co_return;
    }
    record.needs_system = evaluator_->system_needed_for(target);
    if (!record.needs_system.empty()) {
        finished.succeeded = true;
        finished.needs_system = record.needs_system;
        run_.session.sink().on_event(finished);
        co_return;
    }
    record.position = evaluator_->position_of_failure(target);
    finished.position = record.position;
    finished.error = result.error().cause();
    finished.hint = result.error().hint();
    record.failure = std::move(result).error();
    run_.session.sink().on_event(finished);
}

Task<Result<void>> Fleet::adopt(std::size_t number) {
    auto evaluated = *targets_[number].evaluated;
    // What evaluation wrote and built is rooted by nobody once the evaluator has ended.
    std::vector<nix::StorePath> held{evaluated.derivation};
    for (const auto& read : evaluated.read_by_evaluation) held.push_back(read.derivation);
    if (!recalled_) CO_TRY_VOID(co_await run_.session.connection().add_temp_roots(std::move(held)));
    bool is_wanted = !targets_[number].evaluate_only && !is_left_to_others(*targets_[number].evaluated);
    auto host = number_of(evaluated, is_wanted);
    targets_[number].host = host;
    if (!is_wanted) co_return Result<void>();

    auto before = run_.graph.path_count();
    auto known = run_.graph.derivation_count();
    auto read = derivations();
    CO_TRY(target, session::add_target(run_.graph, evaluated, read));
    target.trusted_caches = run_.consumers->upstreams().counting(host);
    CO_TRY_VOID(session::add_reads(run_.graph, evaluated, read, target));
    if (import_ && !run_.graph.with_unknown_outputs().empty())
        CO_TRY_VOID(co_await import_->until_all_are_added()); // the daemon is asked about them
    std::vector<nix::StorePath> held_for_it; // what was made for evaluation may go with its evaluator, too
    for (const auto& [id, outputs] : target.read_by_evaluation)
        for (auto output : outputs)
            if (auto path = run_.graph.derivation(id).outputs[output].path; path != plan::no_path)
                held_for_it.push_back(run_.graph.path(path));
    CO_TRY_VOID(co_await run_.session.connection().add_temp_roots(std::move(held_for_it)));
    if (evaluated.unknown_reads > 0)
        run_.say(event::Severity::warning,
                 "what the evaluation of " + target.name + " reads of " + counted(evaluated.unknown_reads, "build") +
                     " is not known, because this Nix does not tell",
                 "a machine that may not build will perhaps not be able to evaluate it");
    for (; known < run_.graph.derivation_count(); ++known) {
        const auto derivation = run_.graph.derivation(plan::DerivationId{static_cast<std::uint32_t>(known)});
        if (derivation.is_unread &&
            co_await is_damaged(run_.session.connection(), run_.session.endpoint(), derivation.path))
            run_.say(event::Severity::warning, derivation.path.to_string() + ": " + derivation.flaw,
                     repair_hint(derivation.path));
    }
    presence::Judge::Counting counts = [this, host] {
        return run_.consumers->upstreams().counting(host) & run_.judge.all();
    };
    CO_TRY_VOID(co_await run_.realisations.learn(std::move(counts), &run_.session.connection()));
    std::vector<plan::PathId> fresh;
    for (auto id = before; id < run_.graph.path_count(); ++id) fresh.push_back(static_cast<plan::PathId>(id));
    if (run_.extent != Extent::verify && !recalled_) CO_TRY_VOID(co_await ask_ahead(target, std::move(fresh)));
    targets_[number].planned = run_.live.add(std::move(target), host);
    run_.consumers->refresh_trust();
    run_.live.become_stale(); // not once planning has failed: nobody would plan, and the driver would wait for it
    co_return Result<void>();
}

// Bulk where the cache has it. Elsewhere a target that is there is walked by its narinfos, which is few requests; one
// that is not will be asked about output by output, so all of them are asked at once instead of level by level.
Task<Result<void>> Fleet::ask_ahead(const plan::Target& target, std::vector<plan::PathId> fresh) {
    if (run_.judge.info(plan::own_cache).has_bulk_query) co_return co_await run_.judge.ask_bulk(std::move(fresh));
    auto top = run_.graph.derivation(target.derivation).outputs[target.outputs.front()].path;
    if (top == plan::no_path) co_return Result<void>();
    plan::Questions first;
    first.remote.push_back({top, plan::bit(plan::own_cache)});
    CO_TRY_VOID(co_await run_.judge.answer(std::move(first), nullptr));
    if (run_.facts.of(top).present & plan::bit(plan::own_cache)) co_return Result<void>();
    plan::Questions all;
    for (auto id : fresh)
        if (run_.graph.producer(id) && !(run_.facts.of(id).asked & plan::bit(plan::own_cache)))
            all.remote.push_back({id, plan::bit(plan::own_cache)});
    co_return co_await run_.judge.answer(std::move(all), nullptr);
}

bool Fleet::is_left_to_others(const eval::EvaluatedTarget& target) const {
    const auto& systems = run_.session.settings().systems;
    auto fits = [&target](const std::string& pattern) { return glob_match(pattern, target.system); };
    return !systems.empty() && std::none_of(systems.begin(), systems.end(), fits);
}

} // namespace cachefill::fill
