#include "fill/run.hpp"

#include "base/elapsed.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "build/roots.hpp"
#include "session/history.hpp"
#include "session/machines.hpp"
#include "session/targets.hpp"
#include "session/upstream_rules.hpp"

#include <algorithm>
#include <csignal>
#include <iterator>
#include <set>

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

// The platform gives 7.5 s after the first signal; this leaves time for the report.
constexpr auto upload_grace = 4500ms;
constexpr auto everything_ends_after = 5500ms;

} // namespace

Run::Run(session::Session& session, Extent extent)
    : session_(session), extent_(extent),
      presence_(session.executor(), session.clock(), graph_, facts_, session.sink(), session.patience()),
      realisations_(
          session.executor(), graph_, facts_, presence_,
          [&session](const nix::StorePath& path) { return session::read_derivation(session.endpoint(), path); }),
      live_(session.executor(), graph_, facts_), work_(session.executor()), timers_(session.executor()),
      evaluations_(session.executor()) {}

Run::~Run() = default;

void Run::say(event::Severity severity, std::string text, std::string hint) {
    event::Message message{.severity = severity, .text = std::move(text), .hint = std::move(hint)};
    session_.sink().on_event(message);
}

void Run::fail(Failure failure) {
    say(event::Severity::error, failure.one_line(), failure.hint());
    failures_.push_back(std::move(failure));
}

Task<void> Run::execute() {
    work_.spawn(work());
    co_await work_.join();
    timers_.cancel();
    co_await timers_.join();
}

void Run::interrupt(int signal) {
    if (interrupted_ != 0) return;
    interrupted_ = signal;
    say(event::Severity::warning, signal == SIGINT ? "interrupted: finishing what is on its way up"
                                                   : "told to end: finishing what is on its way up");
    evaluations_.cancel();
    presence_.stop_waiting();
    if (!driver_) {
        work_.cancel();
        return;
    }
    driver_->stop();
    outlets_.stop(upload_grace);
    live_.notify_all();
    auto last_resort = [](async::TaskGroup& work) -> Task<void> {
        co_await async::sleep_for(everything_ends_after);
        work.cancel();
    };
    timers_.spawn(last_resort(work_));
}

void Run::supersede(std::string by) {
    if (is_ending()) return;
    superseded_by_ = std::move(by);
    say(event::Severity::notice,
        "a newer run of this workflow waits: nothing new starts, what runs is finished and pushed");
    evaluations_.cancel();
    presence_.stop_waiting();
    if (driver_) driver_->drain();
    live_.notify_all();
}

Task<void> Run::work() {
    bool going = co_await preflight();
    if (going) going = co_await discover();
    if (!going) co_return;
    co_await fill();
    tell_undecided();
    if (extent_ == Extent::plan && !is_ending() && failures_.empty()) co_await plan_pushes();
    count_present();
    co_await keep_realisations();
    // The newer run verifies what this one leaves.
    bool verifies = extent_ != Extent::plan && !session_.settings().read_only && superseded_by_.empty();
    if (interrupted_) co_return;
    if (extent_ == Extent::plan) {
        co_await find_complete_alone();
        co_await find_by_path_only();
    }
    if (verifies) {
        co_await verify();
        if (is_filling()) co_await pin();
        if (leaves_manifest()) co_await publish_manifest(true);
    }
    if (session_.settings().check_flake && !is_ending()) co_await check_flake();
}

void Run::stage_started(event::Stage stage) {
    event::StageStarted started{.stage = stage};
    session_.sink().on_event(started);
}

void Run::note_stage(event::Stage stage, Clock::time_point start) {
    report::StageReport record;
    record.stage = stage;
    record.took = elapsed_since(start);
    record.start = std::chrono::duration_cast<std::chrono::milliseconds>(start - start_);
    stages_.push_back(record);
}

void Run::stage_finished(event::Stage stage, Clock::time_point start) {
    note_stage(stage, start);
    event::StageFinished finished{.stage = stage, .took = elapsed_since(start)};
    session_.sink().on_event(finished);
}

Task<bool> Run::preflight() {
    auto start = Clock::now();
    stage_started(event::Stage::preflight);
    const auto& settings = session_.settings();
    auto need = is_filling() && !settings.read_only ? session::Session::Need::writing : session::Session::Need::reading;
    std::optional<Result<eval::FlakeInfo>> flake;
    auto open_flake = [](eval::Evaluator& evaluator, std::optional<Result<eval::FlakeInfo>>& result) -> Task<void> {
        result.emplace(co_await evaluator.open());
    };
    async::TaskGroup opening(session_.executor());
    std::function<void()> on_store = [&] {
        auto eval_settings = session_.eval_settings(settings.flake);
        evaluator_ = eval::make_evaluator(session_.executor(), std::move(eval_settings), session_.sink());
        opening.spawn(open_flake(*evaluator_, flake));
    };
    auto findings = co_await session_.preflight(need, true, std::move(on_store));
    co_await opening.join();
    for (auto& finding : findings) fail(std::move(finding));
    // Without Nix or its daemon the flake cannot be read either; one finding is enough.
    if (flake && !*flake) fail(std::move(*flake).error());
    if (!failures_.empty()) co_return false;
    flake_ = std::move(**flake);
    graph_.prefer([this](const plan::GraphDerivation& derivation) {
        return plan::BuildAbility::fits(derivation, session_.machines().abilities);
    });
    presence_.add_own(session_.take_cache());
    auto upstreams = presence::Upstreams::make(presence_, upstream_rules(session_, session_.cache_info()),
                                               upstream_maker(session_), session_.sink());
    if (!upstreams) {
        fail(std::move(upstreams).error());
        co_return false;
    }
    upstreams_.emplace(std::move(*upstreams));
    trust_.emplace(graph_, facts_, presence_, *upstreams_);
    uncounted_.emplace(graph_, facts_, presence_, *upstreams_, live_);
    if (!co_await open_mirrors()) co_return false;
    auto history = session::History::open(session_.state_directory() / "history.sqlite");
    if (history)
        history_ = std::move(*history);
    else
        say(event::Severity::notice, history.error().one_line(), history.error().hint());
    stage_finished(event::Stage::preflight, start);
    co_return true;
}

Task<Result<void>> Run::open_store_side() {
    CO_TRY(roots, co_await build::Roots::open(session_.endpoint(), session_.state_directory() / "roots"));
    roots_ = std::move(roots);
    auto store = session_.endpoint().physical_root.string() + std::string(nix::store_dir);
    auto surroundings = disk_surroundings(store);
    disk_guard_.emplace(session_.executor(), session_.clock(), std::move(store), session_.settings().min_free,
                        std::move(surroundings));
    const build::Surroundings here{.executor = session_.executor(),
                                   .endpoint = session_.endpoint(),
                                   .graph = graph_,
                                   .roots = *roots_,
                                   .sink = session_.sink(),
                                   .clock = session_.clock()};
    driver_ = build::make_driver(here, build_settings(), driver_callbacks());
    if (!session_.settings().read_only)
        pipeline_ = push::make_pipeline(session_.executor(), presence_.backend(plan::own_cache), session_.workers(),
                                        push_settings(), push_environment(), session_.sink());
    if (pipeline_) outlets_.add(*pipeline_);
    start_mirrors();
    co_return Result<void>();
}

Task<void> Run::fill() {
    if (is_filling()) {
        auto opened = co_await open_store_side();
        if (!opened) {
            fail(std::move(opened).error());
            co_return;
        }
    }
    if (is_ending()) co_return;
    tell_allowed_sources();
    live_.evaluates(true);
    async::TaskGroup stages(session_.executor()), watchers(session_.executor());
    stages.spawn(evaluate_all());
    if (extent_ != Extent::verify) stages.spawn(keep_planning(stages));
    if (is_filling()) {
        stages.spawn(build_and_close());
        if (pipeline_) stages.spawn(push_all());
        if (pipeline_) stages.spawn(announce_build());
        for (auto& mirror : mirrors_) stages.spawn(mirror->pipeline().run());
        watchers.spawn(watch_disk());
        if (session_.settings().deadline) watchers.spawn(watch_deadline());
    }
    std::exception_ptr error;
    try {
        co_await stages.join();
    } catch (...) { // rethrown below, once the watchers have ended
        error = std::current_exception();
    }
    co_await async::asio::this_coro::throw_if_cancelled(false);
    watchers.cancel();
    co_await watchers.join();
    co_await async::asio::this_coro::throw_if_cancelled(true);
    if (error) std::rethrow_exception(error);
}

Task<void> Run::build_and_close() {
    auto start = Clock::now();
    stage_started(event::Stage::build);
    co_await driver_->run();
    building_done_ = true;
    if (deadline_reached_) note_used_up_deadline();
    live_.notify_all();
    co_await give_targets_to_mirrors();
    outlets_.close();
    stage_finished(event::Stage::build, start);
}

Task<void> Run::push_all() {
    auto start = Clock::now();
    stage_started(event::Stage::push);
    co_await pipeline_->run();
    stage_finished(event::Stage::push, start);
}

Task<void> Run::watch_deadline() {
    auto left = *session_.settings().deadline - elapsed_since(start_);
    co_await async::sleep_for(std::max<std::chrono::milliseconds>(left, 0ms));
    deadline_reached_ = true;
    say(event::Severity::warning,
        "the deadline of " + human_duration(*session_.settings().deadline) +
            " has come: no more builds, uploads are finished",
        "the next run goes on from here");
    evaluations_.cancel();
    presence_.stop_waiting();
    driver_->stop();
    live_.notify_all();
}

} // namespace cachefill::fill
