#include "fill/planning.hpp"

#include "base/text.hpp"
#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "options/settings.hpp"
#include "session/expected_time.hpp"
#include "session/history.hpp"
#include "session/machines.hpp"
#include "shard/ownership.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;

plan::Policy Planning::policy() const {
    plan::Policy policy;
    policy.machines = run_.session.machines().abilities;
    policy.fetchable_here = run_.consumers->upstreams().fetchable_here();
    policy.does_not_wait = run_.judge.is_waiting();
    policy.expected_time = [this](const plan::GraphDerivation& derivation) {
        auto by_cut = run_.ownership ? run_.ownership->expected_time(derivation.path) : std::nullopt;
        return by_cut ? *by_cut : session::expected_time(run_.history.get(), derivation);
    };
    if (run_.ownership)
        policy.is_built_elsewhere = [this](const plan::GraphDerivation& derivation) {
            return run_.ownership->is_known(derivation.path);
        };
    policy.is_deferred = [this](const plan::GraphDerivation& derivation) { return !deferral(derivation).empty(); };
    return policy;
}

std::string Planning::deferral(const plan::GraphDerivation& derivation) const {
    for (const auto& rule : run_.session.settings().defer) {
        bool is_meant = rule.system.empty() || rule.system == derivation.platform;
        if (is_meant && glob_match(rule.pattern, derivation.name())) return "defer: " + rule.pattern;
    }
    bool is_slow = run_.history && run_.history->used_up_a_deadline(derivation.name(), derivation.platform);
    return is_slow ? "used up an earlier deadline" : "";
}

bool Planning::is_over() const {
    if (run_.is_ending() || run_.live.is_given_up()) return true;
    if (run_.live.is_open()) return false;
    return !run_.is_filling() || run_.building_done;
}

Task<void> Planning::keep_on(async::TaskGroup& beside) {
    auto start = run_.clock.now();
    run_.judge.on_change = [this] { run_.live.become_stale(); };
    while (!is_over()) {
        if (!run_.live.is_stale()) {
            co_await run_.live.changed();
            continue;
        }
        run_.consumers->refresh_trust();
        run_.live.make(policy());
        // What an upstream has that does not count is told before it is built. While a cache is away nobody waits for
        // that: it may be this one.
        auto questions = run_.consumers->uncounted().questions();
        std::erase_if(questions.remote, [this](const auto& question) { return run_.judge.is_asking(question.path); });
        if (questions.empty() || run_.judge.is_waiting()) apply();
        if (!questions.empty()) beside.spawn(ask(std::move(questions)));
        questions = run_.live.now().questions;
        std::erase_if(questions.remote, [this](const auto& question) { return run_.judge.is_asking(question.path); });
        if (!questions.empty()) beside.spawn(ask(std::move(questions)));
        run_.live.notify_all();
        run_.wake_driver();
    }
    run_.judge.on_change = {};
    run_.note_stage(event::Stage::query, start);
}

// The others begin with empty stores. Sources they are given.
void Planning::forget_what_only_this_machine_has(plan::Questions& questions) {
    auto is_built = [this](plan::PathId path) {
        if (!run_.graph.producer(path)) return false;
        run_.facts.of(path).valid_here = false;
        return true;
    };
    std::erase_if(questions.local, is_built);
}

Task<void> Planning::ask(plan::Questions questions) {
    run_.live.question_begins();
    if (run_.session.settings().is_for_shards()) forget_what_only_this_machine_has(questions);
    auto answered = co_await run_.judge.answer(std::move(questions), &run_.session.connection());
    if (!answered && !run_.live.is_given_up()) {
        run_.live.give_up();
        run_.fail(std::move(answered).error().with_context("asking what the caches have"));
        run_.stop_learning();
    }
    run_.live.question_ends();
    run_.wake_driver();
}

void Planning::apply() {
    run_.consumers->refresh_counting();
    for (const auto& news : run_.consumers->uncounted().find())
        if (run_.extent != Extent::plan) run_.session.sink().on_event(news); // of a plan the closing text tells it
    run_.live.keep([this](const plan::GraphDerivation& derivation) { return deferral(derivation); });
    tell_lacking();
    tell_who_does_not_build();
    if (run_.driver) run_.driver->update(run_.live.now());
    for (auto path : run_.live.now().pushes) run_.outlets.push(run_.graph.path(path), false);
    event::PlanChanged changed;
    changed.derivations = run_.graph.derivation_count();
    changed.builds = run_.live.now().builds.size();
    for (const auto& build : run_.live.now().builds) {
        const auto kind = run_.graph.derivation(build.derivation).kind;
        if (!build.expected.measured) ++changed.unmeasured[std::string(plan::to_string(kind))];
        switch (kind) {
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
    }
    changed.fetches = run_.live.now().fetches.size();
    changed.bytes_to_fetch = run_.live.now().bytes_to_fetch;
    changed.pushes_without_build = run_.live.now().pushes.size();
    changed.expected = run_.live.now().measured_total;
    changed.critical_path = run_.live.now().measured_chain;
    run_.session.sink().on_event(changed);
}

void Planning::count_present() {
    for (std::size_t i = 0; i < run_.graph.path_count(); ++i) {
        auto id = static_cast<plan::PathId>(i);
        auto present = run_.facts.of(id).present;
        bool by_us = run_.outlets.ledger().contains(run_.graph.path(id));
        if (!present || by_us || !run_.graph.producer(id)) continue;
        ++(present & plan::bit(plan::own_cache) ? present_ : upstream_);
    }
}

} // namespace cachefill::fill
