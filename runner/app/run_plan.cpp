#include "app/run.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <set>

// What the caches have, what follows from that, and again whenever more is known.
namespace cachefill::app {

using async::Task;
using Clock = std::chrono::steady_clock;

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

} // namespace cachefill::app
