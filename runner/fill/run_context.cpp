#include "fill/run_context.hpp"

#include "base/elapsed.hpp"
#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "session/history.hpp"
#include "session/targets.hpp"

namespace cachefill::fill {

RunContext::RunContext(session::Session& of, Extent how_far)
    : session(of), clock(of.clock()), extent(how_far),
      judge(of.executor(), of.clock(), graph, facts, of.sink(), of.patience()),
      realisations(of.executor(), graph, facts, judge,
                   [&of](const nix::StorePath& path) { return session::read_derivation(of.endpoint(), path); }),
      live(of.executor(), graph, facts), evaluations(of.executor()) {}

RunContext::~RunContext() = default;

void RunContext::say(event::Severity severity, std::string text, std::string hint) {
    event::Message message{.severity = severity, .text = std::move(text), .hint = std::move(hint)};
    session.sink().on_event(message);
}

void RunContext::fail(Failure failure) {
    say(event::Severity::error, failure.one_line(), failure.hint());
    failures.push_back(std::move(failure));
}

void RunContext::stage_started(event::Stage stage) {
    event::StageStarted started{.stage = stage};
    session.sink().on_event(started);
}

void RunContext::note_stage(event::Stage stage, async::Clock::TimePoint since) {
    report::StageReport record;
    record.stage = stage;
    record.took = clock.elapsed_since(since);
    record.start = *since_start(since);
    stages.push_back(record);
}

void RunContext::stage_finished(event::Stage stage, async::Clock::TimePoint since) {
    note_stage(stage, since);
    event::StageFinished finished{.stage = stage, .took = clock.elapsed_since(since)};
    session.sink().on_event(finished);
}

std::optional<std::chrono::milliseconds> RunContext::since_start(std::optional<async::Clock::TimePoint> moment) const {
    if (!moment) return {};
    return std::chrono::duration_cast<std::chrono::milliseconds>(*moment - start);
}

void RunContext::stop_learning() {
    evaluations.cancel();
    judge.stop_waiting();
}

void RunContext::wake_driver() {
    if (driver) driver->wake();
}

} // namespace cachefill::fill
