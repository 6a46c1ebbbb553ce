#include "base/text.hpp"
#include "fill/run.hpp"

#include <algorithm>
#include <set>

// What the caches have, what follows from that, and again whenever more is known.
namespace cachefill::fill {

using async::Task;
using Clock = std::chrono::steady_clock;

// Bulk where the cache has it. Elsewhere a target that is there is walked by its narinfos, which is few requests; one
// that is not will be asked about output by output, so all of them are asked at once instead of level by level.
Task<Result<void>> Run::ask_ahead(const plan::Target& target, std::vector<plan::PathId> fresh) {
    if (presence_.info(plan::own_cache).has_bulk_query) co_return co_await presence_.ask_bulk(std::move(fresh));
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

// Plans whenever more is known. Questions are answered beside it, so that a cache that is away holds up only what hangs
// on it.
Task<void> Run::keep_planning(async::TaskGroup& beside) {
    auto start = Clock::now();
    presence_.on_change = [this] { make_plan_stale(); };
    auto is_over = [this] {
        if (is_ending() || planning_failed_) return true;
        if (is_planning()) return false;
        return !is_filling() || building_done_;
    };
    while (!is_over()) {
        if (!plan_is_stale_) {
            co_await plan_changed_.wait();
            continue;
        }
        plan_is_stale_ = false;
        refresh_trust();
        plan_ = plan::make_plan(graph_, facts_, plan_targets_, policy());
        // What an upstream has that does not count is told before it is built.
        auto questions = questions_to_uncounted();
        std::erase_if(questions.remote, [this](const auto& question) { return presence_.is_asking(question.path); });
        if (questions.empty())
            apply_plan();
        else
            beside.spawn(ask(std::move(questions)));
        questions = plan_.questions;
        std::erase_if(questions.remote, [this](const auto& question) { return presence_.is_asking(question.path); });
        if (!questions.empty()) beside.spawn(ask(std::move(questions)));
        plan_changed_.notify_all();
        if (driver_) driver_->wake();
    }
    presence_.on_change = {};
    note_stage(event::Stage::query, start);
}

Task<void> Run::ask(plan::Questions questions) {
    ++rounds_of_questions_;
    auto answered = co_await presence_.answer(std::move(questions), &session_.connection());
    --rounds_of_questions_;
    if (!answered && !planning_failed_) {
        planning_failed_ = true;
        fail(std::move(answered).error().with_context("asking what the caches have"));
        evaluations_.cancel();
        presence_.stop_waiting();
    }
    make_plan_stale();
    if (driver_) driver_->wake();
}

void Run::make_plan_stale() {
    plan_is_stale_ = !planning_failed_;
    plan_changed_.notify_all();
}

// What could not be known in the end, by whose silence, and what followed from that.
void Run::tell_undecided() {
    for (const auto& unasked : presence_.unasked()) {
        auto what = counted(unasked.paths, "path") + ", for instance " + unasked.example.to_string();
        if (unasked.counts_as_empty && !session_.settings().offline)
            say(event::Severity::warning,
                "what " + presence_.url(unasked.cache) + " may have was built all the same: " + what);
        else if (unasked.counts_as_empty)
            say(event::Severity::notice,
                "upstream " + presence_.url(unasked.cache) + " is not asked in this run: " + unasked.why.one_line(),
                "what only it has counts as absent");
    }
    if (plan_.undecided.empty() || is_ending()) return;
    tell_unfetched();
    auto unknown = std::count_if(plan_.undecided.begin(), plan_.undecided.end(),
                                 [this](plan::PathId path) { return !unfetched_.contains(path); });
    if (unknown == 0) return;
    std::string causes;
    for (const auto& unasked : presence_.unasked())
        if (!unasked.counts_as_empty)
            causes += (causes.empty() ? "" : "; ") + presence_.url(unasked.cache) + " could not be asked about " +
                      counted(unasked.paths, "path") + " (" + unasked.example.to_string() +
                      "): " + unasked.why.one_line();
    fail(Failure(FailureKind::network, counted(static_cast<std::uint64_t>(unknown), "path") +
                                           " may be there or not, and so was not built: " + causes)
             .with_hint("run again when it answers; --build-unknown builds all the same, upstreams.ignore leaves an "
                        "upstream out for good"));
}

// As a run would push it, with whatever its closure needs, and without what must or shall not go up.
Task<void> Run::plan_pushes() {
    auto settings = push_settings();
    settings.only_plan = true;
    settings.retry_later.budget = {};
    auto environment = push_environment();
    environment.on_settled = [](const nix::StorePath&, event::PushOutcome) {};
    environment.is_building = [] { return false; };
    event::NullSink nobody;
    auto pipeline = push::make_pipeline(session_.executor(), presence_.backend(plan::own_cache), session_.workers(),
                                        std::move(settings), std::move(environment), nobody);
    for (auto path : plan_.pushes) pipeline->add(graph_.path(path), false);
    pipeline->close();
    co_await pipeline->run();
    planned_pushes_ = pipeline->ledger();
    auto is_unknown = [](const auto& entry) { return entry.second.outcome == event::PushOutcome::failed; };
    auto unknown = std::find_if(planned_pushes_.begin(), planned_pushes_.end(), is_unknown);
    if (unknown != planned_pushes_.end())
        fail(Failure(FailureKind::network, "whether it would be pushed is not known of " +
                                               counted(static_cast<std::uint64_t>(std::count_if(
                                                           planned_pushes_.begin(), planned_pushes_.end(), is_unknown)),
                                                       "path") +
                                               ": " + unknown->second.reason));
}

// What several hosts need is built or pushed if one of them does not trust who has it. The others can fetch it all the
// same.
Task<void> Run::find_complete_alone() {
    refresh_trust();
    auto common = presence_.all();
    for (const auto& target : plan_targets_) common &= target.trusted_caches;
    auto archives = archive_look();
    auto look = last_look(archives);
    for (const auto& record : targets_) {
        if (!record.planned || *record.planned >= plan_.targets.size()) continue;
        const auto target = plan_targets_[*record.planned];
        auto& state = plan_.targets[*record.planned].state;
        if (state != plan::TargetState::incomplete || target.trusted_caches == common) continue;
        LastLook::Subject subject{.target = target, .host = record.host};
        auto found = co_await look.look_at_narinfos(subject);
        if (found.missing.empty() && found.undecided == 0 && outputs_without_path(target).empty())
            state = plan::TargetState::complete;
    }
}

std::size_t Run::planned_pushes() const {
    return static_cast<std::size_t>(std::count_if(planned_pushes_.begin(), planned_pushes_.end(),
                                                  [](const auto& entry) { return entry.second.planned; }));
}

// What builds need, is there, and could not be had.
void Run::tell_unfetched() {
    std::map<std::string, std::pair<std::size_t, daemon::FetchTrouble>> by_reason;
    for (const auto& [path, reason] : unfetched_) {
        auto& [paths, trouble] = by_reason[reason.in_words()];
        ++paths;
        trouble = reason.trouble;
    }
    for (const auto& [words, what] : by_reason) {
        auto paths = counted(what.first, "path") +
                     " that builds need could not be fetched, and nothing is compiled for " + "want of them";
        if (what.second == daemon::FetchTrouble::disk)
            fail(Failure(FailureKind::machine, "the disk of the Nix store is full (" + words + "): " + paths)
                     .with_hint("free some space and run again"));
        else
            fail(Failure(FailureKind::network, "waited in vain for " + words + ": " + paths)
                     .with_hint("run again when it answers; --build-unknown builds all the same"));
    }
}

// Once, and before anything else is built or waited for.
void Run::tell_who_does_not_build() {
    if (plan_.elsewhere.empty() || !plan_.questions.empty() || !why_nothing_is_built_.empty()) return;
    auto machines = session_.machines();
    auto why = why_nothing_is_built_here(machines);
    machines.abilities.front().builds = true;
    auto is_ours = [&](plan::DerivationId id) {
        return plan::BuildAbility::fits(graph_.derivation(id), {machines.abilities.front()});
    };
    auto ours = std::count_if(plan_.elsewhere.begin(), plan_.elsewhere.end(), is_ours);
    if (why.empty() || ours == 0) return;
    why_nothing_is_built_ =
        why + ": " + counted(static_cast<std::uint64_t>(ours), "derivation") +
        " would be built here otherwise, for instance " +
        std::string(graph_.derivation(*std::find_if(plan_.elsewhere.begin(), plan_.elsewhere.end(), is_ours)).name());
    say(event::Severity::warning, why_nothing_is_built_,
        "--jobs N lets this machine build, `builders` in nix.conf names others");
}

void Run::apply_plan() {
    refresh_counting();
    find_uncounted();
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
        auto cache = presence_.views().cache_of(lacking.cache);
        auto is_known = [&](const auto& entry) { return entry.second == cache; };
        bool is_news = std::none_of(lacking_.begin(), lacking_.end(), is_known);
        lacking_.try_emplace(lacking.path, cache);
        if (is_news)
            say(event::Severity::notice,
                "this machine lacks the substituter " + presence_.url(cache) +
                    ": what is there and needed here as an input is built again",
                "add it and its key to this machine's substituters and trusted-public-keys");
    }
    tell_who_does_not_build();
    if (driver_) driver_->update(plan_);
    for (auto path : plan_.pushes) outlets_.push(graph_.path(path), false);
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
        bool by_us = outlets_.ledger().contains(graph_.path(id));
        if (!present || by_us || !graph_.producer(id)) continue;
        ++(present & plan::bit(plan::own_cache) ? present_ : upstream_);
    }
}

} // namespace cachefill::fill
