#include "async/retry.hpp"

#include <algorithm>

namespace cachefill::async {

std::optional<std::chrono::milliseconds> next_delay(int attempt, std::chrono::milliseconds elapsed,
                                                    const RetryPolicy& policy,
                                                    std::optional<std::chrono::seconds> retry_after,
                                                    std::mt19937_64& random) {
    if (policy.attempts > 0 && attempt >= policy.attempts) return {};
    auto exponential = policy.longest_delay;
    if (attempt < 30)
        exponential =
            std::min<std::chrono::milliseconds>(policy.first_delay * (1LL << (attempt - 1)), policy.longest_delay);
    auto half = exponential.count() / 2;
    std::uniform_int_distribution<std::int64_t> jitter(0, half);
    std::chrono::milliseconds delay(half + jitter(random));
    const auto left = policy.budget - elapsed;
    if (retry_after && *retry_after > 0s) {
        auto wanted = std::min<std::chrono::milliseconds>(*retry_after, policy.longest_server_delay);
        if (wanted > left) return {};
        delay = std::max(delay, wanted);
    }
    // The last try is when the time is up; one right after another would tell nothing new.
    if (delay > left) delay = left;
    if (delay < policy.first_delay / 2) return {};
    return delay;
}

} // namespace cachefill::async
