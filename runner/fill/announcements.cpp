#include "fill/announcements.hpp"

#include "base/text.hpp"
#include "base/version.hpp"
#include "cache/manifest_store.hpp"
#include "cache/nar_look.hpp"
#include "fill/flake_hashes.hpp"
#include "options/settings.hpp"

#include <algorithm>
#include <utility>

namespace cachefill::fill {

using async::Task;

namespace {

cache::ManifestTargetState state_of(const report::TargetReport& target) {
    using State = cache::ManifestTargetState;
    switch (target.verdict) {
    case event::TargetVerdict::complete:
    case event::TargetVerdict::by_path: // the run has nothing left to do for it
        return State::complete;
    case event::TargetVerdict::elsewhere:
        return State::elsewhere;
    case event::TargetVerdict::not_evaluated:
        return State::not_evaluated;
    case event::TargetVerdict::incomplete:
    case event::TargetVerdict::unknown:
        break;
    }
    bool only_waits = !target.waiting_for_upstream.empty() && target.failed + target.blocked == 0;
    return only_waits ? State::waiting_for_upstream : State::incomplete;
}

} // namespace

bool Announcements::is_pinned_branch() const {
    const auto& pinned = run_.session.settings().pin_branches;
    return std::find(pinned.begin(), pinned.end(), fleet_.branch()) != pinned.end();
}

bool Announcements::leaves_manifest() const {
    const auto& settings = run_.session.settings();
    const auto& cache = run_.session.cache_info();
    bool may_write = run_.outlets.are_open() && !settings.read_only && cache.permission == cache::Permission::write;
    if (!cache.keeps_names || !settings.manifest || !may_write || run_.interrupted || fleet_.branch().empty() ||
        fleet_.branch() == "HEAD")
        return false;
    return !cache.has_pins || (settings.pins && is_pinned_branch());
}

cache::Manifest Announcements::describe(bool is_finished) const {
    cache::Manifest manifest;
    manifest.state = is_finished ? cache::ManifestState::finished : cache::ManifestState::building;
    manifest.branch = fleet_.branch();
    const auto& flake = fleet_.flake();
    manifest.commit = flake.dirty ? "" : flake.revision;
    manifest.dirty = flake.dirty;
    manifest.system = run_.session.nix().system;
    manifest.cachefill_version = version;
    manifest.nix_version = run_.session.nix().nix_version;
    const auto report = report_();
    for (const auto& record : fleet_.targets()) {
        if (record.evaluate_only) continue;
        auto is_it = [&record](const auto& target) { return target.name == record.ref.display(); };
        const auto& told = *std::find_if(report.targets.begin(), report.targets.end(), is_it);
        cache::ManifestTarget target;
        target.name = told.name;
        target.system = told.system;
        target.derivation = told.derivation;
        if (record.planned) {
            const auto& planned = run_.live.targets()[*record.planned];
            auto path = run_.graph.derivation(planned.derivation).outputs[planned.outputs.front()].path;
            if (path != plan::no_path) target.output = run_.graph.path(path).to_string();
        }
        target.state = state_of(told);
        using State = cache::ManifestTargetState;
        if (!is_finished && target.state == State::incomplete) target.state = State::building;
        target.missing = told.missing;
        auto complete = target.state == State::complete ? target.output : changes_.last_complete(target.name);
        if (!complete.empty()) manifest.last_complete[target.name] = std::move(complete);
        manifest.targets.push_back(std::move(target));
    }
    return manifest;
}

Task<void> Announcements::publish(bool is_finished) {
    auto& own = run_.judge.backend(plan::own_cache);
    co_await changes_.read_manifest();
    auto manifest = describe(is_finished);
    FlakeHashes hashes;
    if (fleet_.bundle())
        hashes = {.lock = fleet_.bundle()->lock_hash, .source = fleet_.bundle()->source_hash};
    else
        hashes = co_await flake_hashes(run_.session, fleet_.flake());
    manifest.lock_hash = std::move(hashes.lock);
    manifest.source_hash = std::move(hashes.source);
    // A run for some hosts only goes on with what others of the same commit have left, and with what was complete last.
    if (!fleet_.skipped().empty()) {
        auto before = co_await cache::find_manifest(own, manifest.branch, manifest.system, run_.judge.own_keys());
        if (before && *before && (*before)->manifest.source_hash == manifest.source_hash)
            for (const auto& target : (*before)->manifest.targets)
                if (!manifest.find(target.name)) manifest.targets.push_back(target);
        if (before && *before)
            for (const auto& name : fleet_.skipped())
                if (auto output = (*before)->manifest.complete_output(name); !output.empty())
                    manifest.last_complete[name] = std::move(output);
    }
    std::sort(manifest.targets.begin(), manifest.targets.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    auto path = co_await cache::publish_manifest(own, run_.session.cache_info().preferred_compression,
                                                 std::move(manifest), run_.session.settings().pin_keep);
    cache_was_away_ = !path && path.error().can_heal();
    if (path)
        manifest_ = path->to_string();
    else if (!std::exchange(failure_is_told_, true))
        run_.say(event::Severity::warning, path.error().one_line(), path.error().hint());
}

Task<void> Announcements::announce_build() {
    while (run_.live.is_open() && !run_.is_ending()) co_await run_.live.changed();
    bool is_idle = run_.live.now().builds.empty() && run_.live.now().pushes.empty() && run_.outlets.ledger().empty();
    if (is_idle || run_.is_ending()) co_return;
    if (leaves_manifest()) co_await publish(false);
}

// For the first manifest, and for all that was to be pushed since.
bool Announcements::has_stayed_away() const {
    const auto& ledger = run_.outlets.ledger();
    auto has_any = [&ledger](event::PushOutcome outcome) {
        return std::any_of(ledger.begin(), ledger.end(),
                           [outcome](const auto& entry) { return entry.second.outcome == outcome; });
    };
    return cache_was_away_ && has_any(event::PushOutcome::failed) && !has_any(event::PushOutcome::published);
}

Task<void> Announcements::publish_finished() {
    if (leaves_manifest() && !has_stayed_away()) co_await publish(true); // which would cost another wait
}

// A cache that deletes by itself what nobody fetches, and takes no word for what is to stay.
void Announcements::tell_of_retention() const {
    const auto& cache = run_.session.cache_info();
    if (cache.has_pins || cache.retention.empty() || !run_.session.settings().pins || !is_pinned_branch()) return;
    run_.say(event::Severity::notice,
             cache.name + " has no pins: it deletes what nobody has fetched for " + cache.retention,
             "a run, or whatever machine fetches from it, has to come by more often; its owner may set another period");
}

Task<void> Announcements::pin() {
    const auto& settings = run_.session.settings();
    if (run_.session.cache_info().permission == cache::Permission::write) tell_of_retention();
    if (!settings.pins || !run_.session.cache_info().has_pins ||
        run_.session.cache_info().permission != cache::Permission::write)
        co_return;
    if (!is_pinned_branch()) co_return;
    for (const auto& record : fleet_.targets()) {
        if (!record.was_verified || !event::is_filled(record.verified.verdict)) continue;
        auto path = nix::StorePath::parse(record.verified.output);
        if (!path) continue;
        auto pinned = co_await run_.judge.backend(plan::own_cache)
                          .pin(fleet_.branch() + "-" + record.ref.name, std::move(*path), settings.pin_keep);
        if (!pinned)
            run_.say(event::Severity::warning, "cannot pin " + record.ref.display() + ": " + pinned.error().one_line());
    }
}

} // namespace cachefill::fill
