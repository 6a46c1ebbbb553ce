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
    presence_.on_change = [this] { live_.become_stale(); };
    auto is_over = [this] {
        if (is_ending() || live_.is_given_up()) return true;
        if (live_.is_open()) return false;
        return !is_filling() || building_done_;
    };
    while (!is_over()) {
        if (!live_.is_stale()) {
            co_await live_.changed();
            continue;
        }
        refresh_trust();
        live_.make(policy());
        // What an upstream has that does not count is told before it is built.
        auto questions = uncounted_->questions();
        std::erase_if(questions.remote, [this](const auto& question) { return presence_.is_asking(question.path); });
        if (questions.empty())
            apply_plan();
        else
            beside.spawn(ask(std::move(questions)));
        questions = live_.now().questions;
        std::erase_if(questions.remote, [this](const auto& question) { return presence_.is_asking(question.path); });
        if (!questions.empty()) beside.spawn(ask(std::move(questions)));
        live_.notify_all();
        if (driver_) driver_->wake();
    }
    presence_.on_change = {};
    note_stage(event::Stage::query, start);
}

Task<void> Run::ask(plan::Questions questions) {
    live_.question_begins();
    auto answered = co_await presence_.answer(std::move(questions), &session_.connection());
    if (!answered && !live_.is_given_up()) {
        live_.give_up();
        fail(std::move(answered).error().with_context("asking what the caches have"));
        evaluations_.cancel();
        presence_.stop_waiting();
    }
    live_.question_ends();
    if (driver_) driver_->wake();
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
    if (live_.now().undecided.empty() || is_ending()) return;
    tell_unfetched();
    auto unknown = std::count_if(live_.now().undecided.begin(), live_.now().undecided.end(),
                                 [this](plan::PathId path) { return !live_.unfetched().contains(path); });
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
    for (auto path : live_.now().pushes) pipeline->add(graph_.path(path), false);
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
    auto common = presence_.all() & live_.trusted_by_all();
    auto archives = archive_look();
    auto look = last_look(archives);
    for (const auto& record : targets_) {
        if (!record.planned || *record.planned >= live_.now().targets.size()) continue;
        const auto target = live_.targets()[*record.planned];
        auto state = live_.now().targets[*record.planned].state;
        if (state != plan::TargetState::incomplete || target.trusted_caches == common) continue;
        LastLook::Subject subject{.target = target, .host = record.host};
        auto found = co_await look.look_at_narinfos(subject);
        if (found.missing.empty() && found.undecided == 0 && outputs_without_path(target).empty())
            live_.is_complete_after_all(*record.planned);
    }
}

std::size_t Run::planned_pushes() const {
    return static_cast<std::size_t>(std::count_if(planned_pushes_.begin(), planned_pushes_.end(),
                                                  [](const auto& entry) { return entry.second.planned; }));
}

// What builds need, is there, and could not be had.
void Run::tell_unfetched() {
    std::map<std::string, std::pair<std::size_t, daemon::FetchTrouble>> by_reason;
    for (const auto& [path, reason] : live_.unfetched()) {
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
    if (live_.now().elsewhere.empty() || !live_.now().questions.empty() || !why_nothing_is_built_.empty()) return;
    auto machines = session_.machines();
    auto why = why_nothing_is_built_here(machines);
    machines.abilities.front().builds = true;
    auto is_ours = [&](plan::DerivationId id) {
        return plan::BuildAbility::fits(graph_.derivation(id), {machines.abilities.front()});
    };
    auto ours = std::count_if(live_.now().elsewhere.begin(), live_.now().elsewhere.end(), is_ours);
    if (why.empty() || ours == 0) return;
    why_nothing_is_built_ =
        why + ": " + counted(static_cast<std::uint64_t>(ours), "derivation") +
        " would be built here otherwise, for instance " +
        std::string(
            graph_.derivation(*std::find_if(live_.now().elsewhere.begin(), live_.now().elsewhere.end(), is_ours))
                .name());
    say(event::Severity::warning, why_nothing_is_built_,
        "--jobs N lets this machine build, `builders` in nix.conf names others");
}

void Run::apply_plan() {
    refresh_counting();
    for (const auto& news : uncounted_->find())
        if (extent_ != Extent::plan) session_.sink().on_event(news); // of a plan the closing text tells it
    live_.keep([this](const plan::GraphDerivation& derivation) { return deferral(derivation); });
    for (const auto& lacking : live_.now().not_fetchable_here) {
        auto cache = presence_.views().cache_of(lacking.cache);
        if (live_.note_lacking(lacking.path, cache))
            say(event::Severity::notice,
                "this machine lacks the substituter " + presence_.url(cache) +
                    ": what is there and needed here as an input is built again",
                "add it and its key to this machine's substituters and trusted-public-keys");
    }
    tell_who_does_not_build();
    if (driver_) driver_->update(live_.now());
    for (auto path : live_.now().pushes) outlets_.push(graph_.path(path), false);
    event::PlanChanged changed;
    changed.derivations = graph_.derivation_count();
    changed.builds = live_.now().builds.size();
    for (const auto& build : live_.now().builds) switch (graph_.derivation(build.derivation).kind) {
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
    changed.fetches = live_.now().fetches.size();
    changed.bytes_to_fetch = live_.now().bytes_to_fetch;
    changed.pushes_without_build = live_.now().pushes.size();
    changed.expected = live_.now().expected_total;
    changed.critical_path = live_.now().critical_path;
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
