#pragma once

#include "async/retry_policy.hpp"
#include "async/signal.hpp"
#include "base/elapsed.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "base/units.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <random>

namespace cachefill::async {

using namespace std::chrono_literals;

// How long to wait before try number `attempt + 1` (attempt counts from 1): half of the exponential delay fixed, half
// random; what the server asked for (cut) is a floor. What the budget leaves is the longest; empty if too little. Pure.
std::optional<std::chrono::milliseconds> next_delay(int attempt, std::chrono::milliseconds elapsed,
                                                    const RetryPolicy& policy,
                                                    std::optional<std::chrono::seconds> retry_after,
                                                    std::mt19937_64& random);

// Calls `attempt` until it succeeds, fails in a way that cannot heal (Failure::can_heal), or the budget is used up; the
// last failure then says how often it was tried and for how long. `attempt` must be safe to repeat, and is a named
// object that outlives the call. `on_retry`, if given, hears of every failed try that will be repeated.
template <class Attempt>
auto with_retry(const RetryPolicy& policy, std::mt19937_64& random, Attempt& attempt,
                std::function<void(const Failure&, std::chrono::milliseconds)> on_retry = {})
    -> std::invoke_result_t<Attempt&> {
    auto start = std::chrono::steady_clock::now();
    for (int tries = 1;; ++tries) {
        auto result = co_await attempt();
        if (result || !result.error().can_heal()) co_return result;
        auto elapsed = elapsed_since(start);
        auto delay = next_delay(tries, elapsed, policy, result.error().retry_after(), random);
        if (!delay) {
            if (tries == 1) co_return result;
            co_return std::move(result).error().with_cause_suffix(", " + std::to_string(tries) + " tries in " +
                                                                  human_duration(elapsed));
        }
        if (on_retry) on_retry(result.error(), *delay);
        co_await sleep_for(*delay);
    }
}

} // namespace cachefill::async
