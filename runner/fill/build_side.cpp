#include "fill/build_side.hpp"

#include "base/elapsed.hpp"
#include "base/units.hpp"
#include "build/roots.hpp"
#include "options/settings.hpp"
#include "session/history.hpp"
#include "session/machines.hpp"
#include "shard/ownership.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;

BuildSide::BuildSide(RunContext& run) : run_(run) {}

BuildSide::~BuildSide() { run_.driver = nullptr; }

Task<Result<void>> BuildSide::open() {
    auto& session = run_.session;
    CO_TRY(roots, co_await build::Roots::open(session.endpoint(), session.state_directory() / "roots"));
    roots_ = std::move(roots);
    auto store = session.endpoint().physical_root.string() + std::string(nix::store_dir);
    auto surroundings = disk_surroundings(store);
    disk_guard_.emplace(session.executor(), session.clock(), std::move(store), session.settings().min_free,
                        std::move(surroundings));
    const build::Surroundings here{.executor = session.executor(),
                                   .endpoint = session.endpoint(),
                                   .graph = run_.graph,
                                   .roots = *roots_,
                                   .sink = session.sink(),
                                   .clock = session.clock()};
    driver_ = build::make_driver(here, settings(), callbacks());
    run_.driver = driver_.get();
    run_.consumers->on_change = [this] { driver_->trust_changed(); };
    co_return Result<void>();
}

Task<void> BuildSide::build() {
    auto start = run_.clock.now();
    run_.stage_started(event::Stage::build);
    co_await driver_->run();
    run_.building_done = true;
    if (run_.deadline_reached) note_used_up_deadline();
    run_.live.notify_all();
    run_.stage_finished(event::Stage::build, start);
}

void BuildSide::note_built(plan::DerivationId id, const std::vector<nix::StorePath>& outputs) {
    const auto* record = driver_->record(id);
    bool is_ours = record && record->outcome == event::BuildOutcome::built;
    const auto& derivation = run_.graph.derivation(id);
    bool is_copy = run_.ownership && !run_.ownership->is_published_here(derivation.path);
    for (const auto& output : outputs) {
        run_.facts.of(run_.graph.intern(output)).valid_here = true;
        if (!is_copy) run_.outlets.push(output, is_ours);
    }
    if (run_.history && is_ours) run_.history->record(derivation.name(), derivation.platform, record->took);
}

void BuildSide::release(const nix::StorePath& path) { roots_->release(path); }

// Whoever ran for more than half of the time that there was would do so again, and everything else would wait.
void BuildSide::note_used_up_deadline() {
    if (!run_.history) return;
    for (const auto& [id, record] : driver_->records()) {
        if (record.outcome != event::BuildOutcome::cancelled || record.took * 2 < *run_.session.settings().deadline)
            continue;
        const auto& derivation = run_.graph.derivation(id);
        run_.history->record_deadline(derivation.name(), derivation.platform, record.took);
    }
}

build::BuildSettings BuildSide::settings() const {
    const auto& options = run_.session.settings();
    const auto& nix = run_.session.nix();
    const auto& machines = run_.session.machines();
    build::BuildSettings build;
    build.local_slots = machines.local_slots;
    build.cores = options.cores.value_or(nix.cores);
    build.limits = {.silence = options.max_silent, .time = options.build_timeout};
    build.cache_patience = options.wait_for_caches;
    build.builder_patience = std::min<std::chrono::seconds>(options.wait_for_caches, build.builder_patience);
    build.machines = machines.abilities;
    return build;
}

build::DriverCallbacks BuildSide::callbacks() {
    build::DriverCallbacks callbacks;
    callbacks.on_built = [this](plan::DerivationId id, const std::vector<nix::StorePath>& outputs) {
        note_built(id, outputs);
    };
    callbacks.on_fetched = [this](plan::PathId path) { run_.live.note_fetched(path); };
    callbacks.on_unfetchable = [this](plan::PathId path, const daemon::FetchReason& reason) {
        run_.live.note_unfetchable(path, reason, run_.session.settings().build_unknown);
    };
    callbacks.caches_of = [this](const nix::StorePath& path) { return run_.consumers->caches_to_fetch_from(path); };
    callbacks.targets_of = [this](plan::DerivationId id) { return run_.live.targets_of(id); };
    callbacks.until_there = run_.until_there;
    callbacks.may_start = [this] { return disk_guard_->may_start(); };
    callbacks.deletable_bytes = [this](plan::DerivationId id) { return deletable_bytes(id); };
    callbacks.expects_more = [this] { return run_.live.is_open(); };
    callbacks.stays = [this] { return run_.may_get_work && run_.may_get_work(); };
    callbacks.fetch_overrides = [this](const nix::StorePath& path) {
        return run_.consumers->upstreams().fetch_overrides(run_.consumers->counting_now(path),
                                                           run_.consumers->trust().keys(path));
    };
    callbacks.fetched_before = [this](const nix::StorePath& path) {
        return run_.consumers->trust().to_fetch_before(path, run_.live.counting());
    };
    // A host that is evaluated later may need it, too, and not trust whom this one does; and another shard may yet have
    // to publish it.
    callbacks.may_fetch = [this](plan::PathId path) {
        return (!run_.live.is_evaluating() && !run_.ownership) ||
               (run_.facts.of(path).present & run_.consumers->counting_now(run_.graph.path(path))) != 0;
    };
    callbacks.doubt = [this](const nix::PathInfo& info) { return run_.consumers->trust().doubt(info); };
    callbacks.is_vouched_for = [this](nix::PathInfo info) {
        auto counting = run_.consumers->vouching(info.path);
        return run_.judge.is_vouched_for(std::move(info), counting);
    };
    callbacks.read_for = [this](plan::DerivationId id) { return run_.live.read_for(id); };
    return callbacks;
}

Task<void> BuildSide::watch_deadline() {
    auto left = *run_.session.settings().deadline - run_.clock.elapsed_since(run_.start);
    co_await run_.clock.sleep_for(std::max<std::chrono::milliseconds>(left, 0ms));
    run_.deadline_reached = true;
    run_.say(event::Severity::warning,
             "the deadline of " + human_duration(*run_.session.settings().deadline) +
                 " has come: no more builds, uploads are finished",
             "the next run goes on from here");
    run_.stop_learning();
    driver_->stop();
    run_.live.notify_all();
}

} // namespace cachefill::fill
