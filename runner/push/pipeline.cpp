#include "push/pipeline.hpp"

#include "async/clock.hpp"
#include "async/retry.hpp"
#include "cache/cache_uri.hpp"
#include "cache/put_answer.hpp"
#include "event/event.hpp"
#include "push/path_rules.hpp"
#include "push/staged_pipeline.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>

namespace cachefill::push {

namespace {

constexpr std::chrono::seconds longest_pause{5};
constexpr std::string_view interrupted = "the run was interrupted";

} // namespace

StagedPipeline::StagedPipeline(async::Executor executor, cache::BinaryCache& cache, async::WorkerPool& workers,
                               PushSettings settings, PushEnvironment environment, event::Sink& sink)
    : cache_(cache), workers_(workers), settings_(std::move(settings)), environment_(std::move(environment)),
      clock_(environment_.clock ? *environment_.clock : real_clock_), sink_(sink),
      memory_(executor, std::max<std::uint64_t>(settings_.memory_budget, 1)), random_(std::random_device{}()),
      nap_(executor), work_(executor), clearing_(executor) {
    settings_.uploads = std::max<std::size_t>(settings_.uploads, 1);
}

void StagedPipeline::add(nix::StorePath path, bool built_by_this_run) {
    auto& node = find_or_insert(path);
    bool is_first = !std::exchange(node.asked_for, true);
    node.built_by_this_run = node.built_by_this_run || built_by_this_run;
    auto record = ledger_.find(path);
    if (record != ledger_.end()) {
        record->second.in_closure_only = false;
        record->second.built_by_this_run = node.built_by_this_run;
    } else if (is_first && node.stage == Stage::settled) { // served, which was of no interest so far
        ++unsettled_;
        settle_alone(node, PushOutcome::already_there, "it is served already");
    } else if (has_ended_) {
        settle(node, PushOutcome::not_pushed, std::string(interrupted));
    }
    wake();
}

StagedPipeline::Node& StagedPipeline::find_or_insert(const nix::StorePath& path) {
    auto known = ids_.find(path);
    if (known != ids_.end()) return nodes_[known->second];
    auto id = gate_.insert();
    ids_.emplace(path, id);
    ++unsettled_;
    to_ask_.push_back(id);
    return nodes_.emplace_back(path, id);
}

void StagedPipeline::close() {
    if (std::exchange(closed_, true)) return;
    closed_at_ = clock_.now();
    for (auto id : paused_) {
        nodes_[id].failures = 0;
        nodes_[id].try_again = closed_at_;
    }
    wake();
}

void StagedPipeline::stop(std::chrono::milliseconds grace) {
    auto until = clock_.now() + grace;
    stop_at_ = stopping_ ? std::min(stop_at_, until) : until;
    stopping_ = true;
    wake();
}

void StagedPipeline::wake() {
    woken_ = true;
    nap_.wake();
}

async::Task<void> StagedPipeline::run() {
    namespace asio = async::asio;
    // This coroutine goes on although cancelled, to clear up.
    bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    auto cancellation = co_await asio::this_coro::cancellation_state;
    auto is_cancelled = [&] { return cancellation.cancelled() != asio::cancellation_type::none; };
    while (!is_cancelled() && !work_.is_cancelled()) {
        do {
            woken_ = false;
            pump();
        } while (woken_);
        if (is_done() || (stopping_ && clock_.now() >= stop_at_)) break;
        try {
            co_await clock_.sleep_until(nap_, next_alarm());
        } catch (const boost::system::system_error&) { // cancelled, which the loop sees
        }
    }
    work_.cancel();
    std::exception_ptr broken;
    try {
        co_await work_.join();
    } catch (...) { // rethrown when everything is cleared up
        broken = std::current_exception();
    }
    settle_everything();
    has_ended_ = true;
    bool cancelled = is_cancelled();
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await clearing_.join();
    co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
    co_await asio::this_coro::throw_if_cancelled(throws);
    if (broken) std::rethrow_exception(broken);
    if (cancelled) throw boost::system::system_error(asio::error::operation_aborted);
}

void StagedPipeline::pump() {
    auto is_unstarted = [](Stage stage) {
        return stage == Stage::asking || stage == Stage::describing || stage == Stage::queued ||
               stage == Stage::pausing;
    };
    if (stopping_) {
        settle_excluded();
        settle_where(is_unstarted, PushOutcome::not_pushed, std::string(interrupted));
    } else if (refused_) {
        settle_where(is_unstarted, PushOutcome::failed, refused_->one_line());
        settle_where([](Stage stage) { return stage == Stage::held; }, PushOutcome::failed, refused_->one_line());
    } else {
        resume_paused();
        start_asking();
    }
    sort_in_opened();
    if (!stopping_ && !refused_) start_uploads();
    start_publications();
    settle_leftovers();
}

StagedPipeline::TimePoint StagedPipeline::next_alarm() const {
    // Everything that matters wakes run(); but a hang would be the worst that a bug could do here.
    auto alarm = clock_.now() + longest_pause;
    if (stopping_) alarm = std::min(alarm, stop_at_);
    for (auto id : paused_) alarm = std::min(alarm, nodes_[id].try_again);
    return alarm;
}

// Steps may end within the call that starts them; what they opened is then still to be looked at.
bool StagedPipeline::is_idle() const {
    return !woken_ && asking_ + describing_ + deciding_ + uploading_ + publishing_ == 0 && to_ask_.empty() &&
           to_describe_.empty() && publishable_.empty() && early_.empty() && to_publish_.empty() && paused_.empty();
}

// A failure of this path only.
void StagedPipeline::fail(Node& node, Failure failure) {
    if (refused_) return settle(node, PushOutcome::failed, refused_->one_line());
    ++node.failures;
    auto again = next_try(node, failure);
    if (!again || stopping_) return settle(node, PushOutcome::failed, failure.one_line());
    node.stage = Stage::pausing;
    node.try_again = *again;
    paused_.insert(node.id);
}

void StagedPipeline::fail_at_cache(Node& node, Failure failure) {
    using event::Severity;
    const auto& name = cache_.uri().name;
    if (!refused_ && (failure.kind() == FailureKind::auth || failure.kind() == FailureKind::usage)) {
        refused_ = failure; // the same for every path
        sink_.on_event(event::Message{.severity = Severity::error,
                                      .text = "nothing more can be pushed to " + name + ": " + failure.one_line(),
                                      .hint = failure.hint()});
    } else if (failure.can_heal() && !std::exchange(cache_is_away_, true)) {
        sink_.on_event(event::Message{
            .severity = Severity::warning,
            .text = name + " stays away: " + failure.one_line(),
            .hint = "builds go on; what is built waits on this disk and is tried again until the run ends"});
    }
    fail(node, std::move(failure));
}

void StagedPipeline::note_success() {
    if (!std::exchange(cache_is_away_, false)) return;
    sink_.on_event(
        event::Message{.severity = event::Severity::info, .text = cache_.uri().name + " answers again", .hint = {}});
}

// What can heal is tried again and again, with growing pauses; what the cache itself has refused never; anything else
// once more, when nothing else is left to do.
std::optional<StagedPipeline::TimePoint> StagedPipeline::next_try(const Node& node, const Failure& failure) {
    auto now = clock_.now();
    const auto& policy = settings_.retry_later;
    if (!failure.can_heal()) {
        if (node.failures > 1 || cache::is_last_word(failure)) return {};
        return closed_ ? now + policy.first_delay : TimePoint::max();
    }
    auto since_close = closed_ ? now - closed_at_ : async::Clock::Duration::zero();
    auto delay = async::next_delay(node.failures, std::chrono::duration_cast<std::chrono::milliseconds>(since_close),
                                   policy, failure.retry_after(), random_);
    if (!delay) {
        if (closed_) return {};
        delay = policy.longest_delay;
    }
    return now + *delay;
}

void StagedPipeline::settle(Node& node, PushOutcome outcome, const std::string& reason) {
    settle_alone(node, outcome, reason);
    if (outcome == PushOutcome::published || outcome == PushOutcome::already_there) return gate_.serve(node.id);
    auto their_reason = refused_ ? refused_->one_line() : lost_reference_reason(node.path, outcome);
    for (auto id : gate_.lose(node.id))
        if (nodes_[id].stage != Stage::settled) settle_alone(nodes_[id], outcome, their_reason);
}

void StagedPipeline::settle_alone(Node& node, PushOutcome outcome, const std::string& reason) {
    auto stage = std::exchange(node.stage, Stage::settled);
    if (stage == Stage::excluded) --excluded_;
    if (stage == Stage::held) --held_;
    if (stage == Stage::held || stage == Stage::publishing) drop_upload(node);
    if (stage == Stage::uploading && node.transfer) node.transfer->is_unwanted = true;
    publishable_.erase(node.id);
    early_.erase(node.id);
    paused_.erase(node.id);
    if (outcome != PushOutcome::published) charged_ -= std::exchange(node.charged, 0);
    --unsettled_;

    PushRecord record;
    record.outcome = outcome;
    record.built_by_this_run = node.built_by_this_run;
    record.in_closure_only = !node.asked_for;
    record.while_building = environment_.is_building();
    record.deduplicated = node.deduplicated;
    record.nar_size = node.info ? node.info->nar_size : 0;
    record.file_size = node.file_size;
    record.reason = reason;
    record.start = node.started;
    if (node.started) record.took = clock_.elapsed_since(*node.started);
    event::PushFinished finished;
    finished.path = node.path.to_string();
    finished.outcome = record.outcome;
    finished.built_by_this_run = record.built_by_this_run;
    finished.while_building = record.while_building;
    finished.nar_size = record.nar_size;
    finished.file_size = record.file_size;
    finished.reason = record.reason;
    finished.took = record.took;
    ledger_.insert_or_assign(node.path, std::move(record));
    sink_.on_event(finished);
    environment_.on_settled(node.path, outcome);
}

// Nobody is told: nothing happens to it. What refers to it goes on as if it were served.
void StagedPipeline::settle_as_planned(Node& node) {
    node.stage = Stage::settled;
    publishable_.erase(node.id);
    early_.erase(node.id);
    --unsettled_;
    PushRecord record;
    record.planned = true;
    record.built_by_this_run = node.built_by_this_run;
    record.in_closure_only = !node.asked_for;
    record.nar_size = node.info->nar_size;
    ledger_.insert_or_assign(node.path, std::move(record));
    gate_.serve(node.id);
    sort_in_opened();
}

void StagedPipeline::settle_leftovers() {
    if (!closed_ || unsettled_ == 0) return;
    if (excluded_ < unsettled_) {
        if (!is_idle()) return;
        // Only references in a circle are left, which no store can have.
        settle_where([](Stage stage) { return stage != Stage::excluded; }, PushOutcome::failed,
                     "its references never became ready");
    }
    settle_excluded();
}

void StagedPipeline::settle_excluded() {
    for (Id id = 0; id < nodes_.size(); ++id)
        if (nodes_[id].stage == Stage::excluded)
            settle(nodes_[id], PushOutcome::not_pushed, "excluded by the pattern '" + nodes_[id].exclusion + "'");
}

// By index: who hears of it may add paths.
void StagedPipeline::settle_where(bool (*applies)(Stage), PushOutcome outcome, const std::string& reason) {
    for (Id id = 0; id < nodes_.size(); ++id)
        if (nodes_[id].stage != Stage::settled && applies(nodes_[id].stage)) settle(nodes_[id], outcome, reason);
}

// No coroutine is at work any more.
void StagedPipeline::settle_everything() {
    settle_excluded();
    settle_where([](Stage) { return true; }, PushOutcome::not_pushed, std::string(interrupted));
    for (auto& node : nodes_) drop_upload(node);
}

std::unique_ptr<Pipeline> make_pipeline(async::Executor executor, cache::BinaryCache& cache, async::WorkerPool& workers,
                                        PushSettings settings, PushEnvironment environment, event::Sink& sink) {
    return std::make_unique<StagedPipeline>(executor, cache, workers, std::move(settings), std::move(environment),
                                            sink);
}

} // namespace cachefill::push
