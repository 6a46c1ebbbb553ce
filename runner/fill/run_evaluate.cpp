#include "base/elapsed.hpp"
#include "base/text.hpp"
#include "fill/derivation_damage.hpp"
#include "fill/run.hpp"
#include "session/targets.hpp"

// From the flake to the graph: which hosts there are, what they evaluate to, what that is made of.
namespace cachefill::fill {

using async::Task;
using Clock = std::chrono::steady_clock;

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
        fail(std::move(failure).with_hint(meant           ? "did you mean '" + *meant + "'?"
                                          : names.empty() ? "it has none at all"
                                                          : "it has: " + join(names, ", ")));
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
        fail(Failure(FailureKind::usage, found->empty() ? "the flake " + redact_url(settings.flake) + " has no hosts"
                                                        : "no host of the flake is selected")
                 .with_hint(found->empty() ? "cachefill looks for nixosConfigurations, darwinConfigurations and "
                                             "homeConfigurations; --also packages adds others"
                                           : "the flake has: " + join(names, ", ")));
    stage_finished(event::Stage::discover, start);
    co_return failures_.empty();
}

Task<void> Run::evaluate_all() {
    auto start = Clock::now();
    stage_started(event::Stage::evaluate);
    for (std::size_t number = 0; number < targets_.size(); ++number) evaluations_.spawn(evaluate(number));
    co_await evaluations_.join();
    live_.evaluates(false);
    refresh_counting();
    if (driver_) driver_->wake();
    stage_finished(event::Stage::evaluate, start);
}

Task<void> Run::evaluate(std::size_t number) {
    auto start = Clock::now();
    auto target = targets_[number].ref;
    auto result = co_await evaluator_->evaluate(target);
    auto& record = targets_[number];
    record.took = elapsed_since(start);
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
            auto root = targets_[number].evaluated->derivation;
            if (co_await is_damaged(session_.connection(), session_.endpoint(), root))
                failure = std::move(failure).with_hint(repair_hint(root));
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
    finished.hint = result.error().hint();
    record.failure = std::move(result).error();
    session_.sink().on_event(finished);
}

Task<Result<void>> Run::adopt(std::size_t number) {
    auto evaluated = *targets_[number].evaluated;
    // What evaluation wrote and built is rooted by nobody once the evaluator has ended.
    std::vector<nix::StorePath> held{evaluated.derivation};
    for (const auto& read : evaluated.read_by_evaluation) held.push_back(read.derivation);
    CO_TRY_VOID(co_await session_.connection().add_temp_roots(std::move(held)));
    bool is_wanted = !targets_[number].evaluate_only && !is_left_to_others(*targets_[number].evaluated);
    auto host = upstreams_->add_host(targets_[number].ref.display(), evaluated.nix_settings, is_wanted);
    targets_[number].host = host;
    if (!is_wanted) co_return Result<void>();

    auto before = graph_.path_count();
    auto known = graph_.derivation_count();
    CO_TRY(target, session::add_target(graph_, session_.endpoint(), evaluated));
    target.trusted_caches = upstreams_->counting(host);
    CO_TRY_VOID(session::add_reads(graph_, session_.endpoint(), evaluated, target));
    std::vector<nix::StorePath> read; // what was made for evaluation may go with its evaluator, too
    for (const auto& [id, outputs] : target.read_by_evaluation)
        for (auto output : outputs)
            if (auto path = graph_.derivation(id).outputs[output].path; path != plan::no_path)
                read.push_back(graph_.path(path));
    CO_TRY_VOID(co_await session_.connection().add_temp_roots(std::move(read)));
    if (evaluated.unknown_reads > 0)
        say(event::Severity::warning,
            "what the evaluation of " + target.name + " reads of " + counted(evaluated.unknown_reads, "build") +
                " is not known, because this Nix does not tell",
            "a machine that may not build will perhaps not be able to evaluate it");
    for (; known < graph_.derivation_count(); ++known) {
        const auto derivation = graph_.derivation(plan::DerivationId{static_cast<std::uint32_t>(known)});
        if (derivation.is_unread && co_await is_damaged(session_.connection(), session_.endpoint(), derivation.path))
            say(event::Severity::warning, derivation.path.to_string() + ": " + derivation.flaw,
                repair_hint(derivation.path));
    }
    presence::Judge::Counting counts = [this, host] { return upstreams_->counting(host) & presence_.all(); };
    CO_TRY_VOID(co_await realisations_.learn(std::move(counts), &session_.connection()));
    std::vector<plan::PathId> fresh;
    for (auto id = before; id < graph_.path_count(); ++id) fresh.push_back(static_cast<plan::PathId>(id));
    if (extent_ != Extent::verify) CO_TRY_VOID(co_await ask_ahead(target, std::move(fresh)));
    targets_[number].planned = live_.add(std::move(target), host);
    refresh_trust();
    live_.become_stale(); // not once planning has failed: nobody would plan, and the driver would wait for it
    co_return Result<void>();
}

} // namespace cachefill::fill
