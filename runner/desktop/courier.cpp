#include "desktop/courier.hpp"

#include "async/retry.hpp"
#include "async/together.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "event/event.hpp"

#include <algorithm>
#include <map>

namespace cachefill::desktop {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto write_down_after = 1s;
constexpr std::size_t write_down_at = 64;

} // namespace

Courier::Courier(async::Executor executor, Queue& queue, Carrier& carrier, CourierSettings settings,
                 Environment environment, event::Sink& sink)
    : executor_(executor), queue_(queue), carrier_(carrier), settings_(std::move(settings)),
      environment_(std::move(environment)), sink_(sink), nap_(executor) {}

void Courier::tell(event::Severity severity, std::string text, std::string hint) {
    event::Message message{
        .severity = severity, .text = settings_.cache + ": " + std::move(text), .hint = std::move(hint)};
    sink_.on_event(message);
}

void Courier::stop() {
    stopping_ = true;
    carrier_.stop(settings_.grace);
    wake();
}

void Courier::wake() {
    is_woken_ = true;
    nap_.wake();
}

Task<Result<void>> Courier::run() {
    while (!stopping_) {
        if (not_before_ > environment_.now()) {
            is_idle_ = false;
            co_await pause_until(std::exchange(not_before_, Time()));
            continue;
        }
        auto now = environment_.now();
        CO_TRY(due, queue_.due(settings_.cache, now, settings_.batch));
        if (due.empty()) {
            carrier_.rest();
            CO_TRY(next, queue_.next_due(settings_.cache));
            doing_ = next ? "waiting to try again" : "idle";
            is_idle_ = true;
            co_await pause_until(next.value_or(now + 1h));
            continue;
        }
        is_idle_ = false;
        auto obstacle = co_await environment_.obstacle();
        if (stopping_) break;
        if (!obstacle.empty()) {
            if (doing_ != obstacle) tell(event::Severity::info, counted(due.size(), "path") + " wait: " + obstacle);
            doing_ = obstacle;
            co_await pause_until(now + settings_.look_around);
            continue;
        }
        doing_ = "pushing " + counted(due.size(), "path");
        CO_TRY_VOID(co_await work_off(std::move(due)));
    }
    CO_TRY_VOID(write_down());
    co_return Result<void>();
}

// Until then, until something new is queued, or until something happened outside that makes another try worth while.
Task<void> Courier::pause_until(Time again) {
    auto surroundings = environment_.surroundings();
    while (!stopping_ && environment_.now() < again) {
        auto left = std::min<std::chrono::milliseconds>(again - environment_.now(), settings_.look_around);
        is_woken_ = false;
        co_await environment_.clock.sleep_until(nap_, environment_.clock.now() + std::max(left, 1ms));
        // While the cache is away, more to push is no reason to ask it again.
        if (is_woken_ && troubles_ == 0) co_return;
        if (environment_.surroundings() != surroundings) co_return;
    }
}

// Meanwhile somebody watches out for what should stop it.
Task<Result<void>> Courier::carry_watched(std::vector<nix::StorePath> paths, Carrier::OnSettled on_settled) {
    bool done = false;
    Result<void> carried;
    auto carry = [](Carrier& carrier, std::vector<nix::StorePath> all, Carrier::OnSettled then, Result<void>& result,
                    bool& ended, async::TaskGroup& group) -> Task<void> {
        result = co_await carrier.carry(std::move(all), std::move(then));
        ended = true;
        group.cancel();
    };
    auto beside = [&](async::TaskGroup& group) {
        group.spawn(watch_obstacles(done));
        group.spawn(carry(carrier_, std::move(paths), std::move(on_settled), carried, done, group));
    };
    co_await async::together(beside);
    co_return carried;
}

Task<Result<void>> Courier::work_off(std::vector<QueuedPath> due) {
    std::map<nix::StorePath, unsigned> attempts;
    std::vector<nix::StorePath> paths;
    for (auto& item : due) {
        attempts.emplace(item.path, item.attempts);
        paths.push_back(std::move(item.path));
    }
    std::vector<Settlement> failed;
    std::size_t got_through = 0, pushed = 0, withheld = 0;
    std::uint64_t bytes = 0;
    auto on_settled = [&](Settlement settlement) {
        if (!attempts.contains(settlement.path)) return;
        if (settlement.how == Settled::failed) {
            failed.push_back(std::move(settlement));
            return;
        }
        ++got_through;
        bytes += settlement.bytes;
        if (settlement.how == Settled::pushed) ++pushed;
        if (settlement.how == Settled::withheld) {
            ++withheld;
            tell(event::Severity::notice, settlement.path.to_string() + " stays here: " + settlement.reason);
        }
        settle(std::move(settlement));
    };
    auto carried = co_await carry_watched(std::move(paths), std::move(on_settled));
    if (got_through > 0) {
        if (troubles_ > 0) tell(event::Severity::info, "it works again");
        troubles_ = 0;
        trouble_told_.clear();
    }
    if (pushed > 0)
        tell(event::Severity::info, "pushed " + counted(pushed, "path") + ", " + human_bytes(bytes) +
                                        (withheld ? ", " + counted(withheld, "path") + " stay here" : ""));
    if (queue_failure_) co_return std::move(*queue_failure_);
    if (stopping_) co_return Result<void>(); // what failed was interrupted
    if (got_through > 0 || (carried && failed.empty())) {
        // Others got through, so these have a fault of their own.
        for (auto& settlement : failed) {
            auto before = attempts.at(settlement.path);
            put_off(std::move(settlement), before);
        }
        CO_TRY_VOID(write_down());
        if (carried) co_return Result<void>();
    }
    CO_TRY_VOID(write_down());
    auto trouble = carried ? Failure(FailureKind::network, failed.empty() ? "nothing got through" : failed[0].reason)
                           : std::move(carried).error();
    CO_TRY_VOID(note_trouble(trouble));
    co_return Result<void>();
}

void Courier::put_off(Settlement failed, unsigned attempts_before) {
    auto attempt = static_cast<int>(std::min(attempts_before, 30U)) + 1;
    failed.again = delay(attempt, settings_.path, {});
    if (attempt == 1)
        tell(event::Severity::warning, failed.path.to_string() + " could not be pushed: " + failed.reason,
             "it stays in the queue and is tried again");
    unwritten_.push_back(std::move(failed));
}

Result<void> Courier::note_trouble(const Failure& failure) {
    carrier_.rest(); // afresh the next time, with whatever the token file holds by then
    ++troubles_;
    bool is_refused = failure.kind() == FailureKind::auth || failure.kind() == FailureKind::usage ||
                      failure.kind() == FailureKind::not_found;
    auto again =
        delay(std::min(troubles_, 30), is_refused ? settings_.refused : settings_.trouble, failure.retry_after());
    TRY_VOID(queue_.note_trouble(settings_.cache, failure.one_line(), environment_.now(), again));
    not_before_ = again;
    doing_ = is_refused ? "refused by the cache" : "waiting for the cache";
    if (trouble_told_ == failure.cause()) return {};
    trouble_told_ = failure.cause();
    auto severity = settings_.is_optional && !is_refused ? event::Severity::info : event::Severity::warning;
    tell(severity, "cannot push: " + failure.one_line(),
         failure.hint().empty() ? "the queue is kept, and it is tried again" : failure.hint());
    return {};
}

Time Courier::delay(int attempt, const async::RetryPolicy& policy, std::optional<std::chrono::seconds> retry_after) {
    auto unlimited = policy;
    unlimited.budget = std::chrono::hours(24 * 365);
    auto pause = async::next_delay(attempt, 0ms, unlimited, retry_after, random_);
    return environment_.now() + pause.value_or(policy.longest_delay);
}

// While a batch is on its way: battery, metered links and the end of the service stop it, and nobody waits for a second
// settlement to have the first one written down.
Task<void> Courier::watch_obstacles(const bool& done) {
    auto since = environment_.now();
    while (!done) {
        co_await environment_.clock.sleep_for(
            std::min<std::chrono::milliseconds>(settings_.look_around, write_down_after));
        if (auto written = write_down(); !written) queue_failure_ = std::move(written).error();
        if (environment_.now() - since < settings_.look_around) continue;
        since = environment_.now();
        auto obstacle = co_await environment_.obstacle();
        if (done || obstacle.empty()) continue;
        carrier_.stop(settings_.grace);
        co_return;
    }
}

void Courier::settle(Settlement settlement) {
    unwritten_.push_back(std::move(settlement));
    if (unwritten_.size() < write_down_at) return;
    if (auto written = write_down(); !written) queue_failure_ = std::move(written).error();
}

Result<void> Courier::write_down() {
    if (unwritten_.empty()) return {};
    TRY_VOID(queue_.settle(settings_.cache, unwritten_, environment_.now()));
    unwritten_.clear();
    return {};
}

} // namespace cachefill::desktop
