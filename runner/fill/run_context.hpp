#pragma once

#include "async/task_group.hpp"
#include "base/failure.hpp"
#include "build/driver.hpp"
#include "event/kinds.hpp"
#include "fill/consumers.hpp"
#include "fill/extent.hpp"
#include "fill/live_plan.hpp"
#include "fill/outlets.hpp"
#include "presence/judge.hpp"
#include "presence/realisations.hpp"
#include "report/run_report.hpp"
#include "session/session.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::session {
class History;
}

namespace cachefill::shard {
class Ownership;
}

namespace cachefill::fill {

// What the parts of one run share: what is known so far, what is being done, and whether it is to end. Run owns it, and
// it outlives them.
struct RunContext {
    RunContext(session::Session& of, Extent how_far);
    ~RunContext();

    void say(event::Severity severity, std::string text, std::string hint = {});
    // Tells it, and keeps it for the report.
    void fail(Failure failure);
    void stage_started(event::Stage stage);
    void stage_finished(event::Stage stage, async::Clock::TimePoint since);
    void note_stage(event::Stage stage, async::Clock::TimePoint since); // in the report only

    bool is_filling() const { return extent == Extent::fill; }
    // Nothing further is to be started, for whatever reason.
    bool is_ending() const { return interrupted != 0 || deadline_reached || !superseded_by.empty(); }
    // Ends evaluations, and the patience with caches that are away: what is not known by now is not waited for.
    void stop_learning();
    // Since the run's start, if it has come.
    std::optional<std::chrono::milliseconds> since_start(std::optional<async::Clock::TimePoint> moment) const;
    void wake_driver(); // if there is one: what it was told may have changed

    session::Session& session;
    async::Clock& clock;
    const Extent extent;
    const async::Clock::TimePoint start = clock.now();
    const std::chrono::system_clock::time_point started_at = clock.wall_time();

    plan::Graph graph;
    plan::Facts facts;
    presence::Judge judge;
    presence::Realisations realisations;
    LivePlan live;
    std::optional<Consumers> consumers; // once the caches are known
    std::unique_ptr<session::History> history;
    Outlets outlets;                             // none unless something is pushed
    build::Driver* driver = nullptr;             // none unless something is built; BuildSide's
    const shard::Ownership* ownership = nullptr; // none unless this is one of several shards; ShardSide's
    std::function<bool()> may_get_work;          // from other shards, once there is nothing left to do; ShardSide's
    async::TaskGroup evaluations;
    // Until this derivation is in the store, where derivations are still being added. None: all are there.
    std::function<async::Task<Result<void>>(nix::StorePath)> until_there;

    bool building_done = false;
    bool deadline_reached = false;
    int interrupted = 0;       // by which signal
    std::string superseded_by; // URL of a newer run; empty unless it is

    std::vector<Failure> failures; // of the run as a whole
    std::vector<report::StageReport> stages;
    std::string why_nothing_is_built; // by this machine, although something is missing that it could build
};

} // namespace cachefill::fill
