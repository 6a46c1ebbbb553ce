#pragma once

#include "async/clock.hpp"
#include "async/retry_policy.hpp"
#include "async/task.hpp"
#include "desktop/queue.hpp"
#include "event/kinds.hpp"

#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace cachefill::event {
class Sink;
}

namespace cachefill::desktop {

// Takes paths to one cache: the real thing pushes through a push::Pipeline.
class Carrier {
  public:
    virtual ~Carrier() = default;

    using OnSettled = std::function<void(Settlement)>;
    // Pushes these and what they refer to; `on_settled` hears of each of `paths` once, as soon as it is known. Fails if
    // the cache or the store could not be used at all; then nothing is known of those not settled.
    virtual async::Task<Result<void>> carry(std::vector<nix::StorePath> paths, OnSettled on_settled) = 0;
    // carry() ends soon: uploads in flight may finish, nothing new starts.
    virtual void stop(std::chrono::milliseconds grace) = 0;
    // Nothing more to do for now: answers remembered and connections kept may go.
    virtual void rest() = 0;
};

struct CourierSettings {
    std::string cache; // its name in the queue
    bool is_optional = false;
    std::size_t batch = 512;
    // Pauses while the cache cannot be used; the budget means nothing here, it is never given up.
    async::RetryPolicy trouble = {.first_delay = std::chrono::seconds(5), .longest_delay = std::chrono::minutes(5)};
    // An expired token is not renewed within seconds.
    async::RetryPolicy refused = {.first_delay = std::chrono::minutes(1), .longest_delay = std::chrono::minutes(30)};
    // Of one path, when others got through.
    async::RetryPolicy path = {.first_delay = std::chrono::minutes(1), .longest_delay = std::chrono::hours(6)};
    std::chrono::milliseconds look_around = std::chrono::seconds(15); // at battery and network, while waiting
    std::chrono::milliseconds grace = std::chrono::seconds(8);        // for uploads in flight, when it has to stop
};

// Empties one cache's queue, in the background and for ever: in batches, with growing pauses while the cache is away or
// refuses the token. What is settled is written down at the latest a second later, so that after SIGKILL only what was
// in flight is looked at again; and since the cache is always asked first, nothing that has arrived goes up twice.
class Courier {
  public:
    struct Environment {
        async::Clock& clock;
        std::function<Time()> now; // on the wall
        // Why not to push now ("on battery"); empty: go ahead.
        std::function<async::Task<std::string>()> obstacle;
        // Changes when a network comes or goes, or the token is renewed: worth trying at once.
        std::function<std::string()> surroundings;
    };
    Courier(async::Executor executor, Queue& queue, Carrier& carrier, CourierSettings settings, Environment environment,
            event::Sink& sink);

    // Runs until stop(). A failure means that the queue itself cannot be used.
    async::Task<Result<void>> run();
    void stop();
    // There is something new in the queue.
    void wake();

    // Until nothing waits that could be tried now; for tests and `--status`.
    bool is_idle() const { return is_idle_; }
    const std::string& doing() const { return doing_; } // "pushing 12 paths", "on battery", "waiting for the cache"

  private:
    async::Task<Result<void>> carry_watched(std::vector<nix::StorePath> paths, Carrier::OnSettled on_settled);
    async::Task<Result<void>> work_off(std::vector<QueuedPath> due);
    async::Task<void> watch_obstacles(const bool& done);
    async::Task<void> pause_until(Time again);
    void settle(Settlement settlement);
    Result<void> write_down();
    void put_off(Settlement failed, unsigned attempts_before); // until its own turn comes again
    Result<void> note_trouble(const Failure& failure);
    Time delay(int attempt, const async::RetryPolicy& policy, std::optional<std::chrono::seconds> retry_after);
    void tell(event::Severity severity, std::string text, std::string hint = {});

    async::Executor executor_;
    Queue& queue_;
    Carrier& carrier_;
    CourierSettings settings_;
    Environment environment_;
    event::Sink& sink_;
    async::Nap nap_;
    bool is_woken_ = false; // from it
    std::mt19937_64 random_{std::random_device{}()};

    std::vector<Settlement> unwritten_;
    Time written_{};
    std::optional<Failure> queue_failure_;
    Time not_before_{}; // the cache is left alone until then
    int troubles_ = 0;  // batches in a row in which nothing got through
    std::string trouble_told_;
    std::string doing_ = "idle";
    bool is_idle_ = false, stopping_ = false;
};

} // namespace cachefill::desktop
