#pragma once

#include "async/signal.hpp"
#include "async/task.hpp"
#include "desktop/generations.hpp"
#include "desktop/queue.hpp"
#include "event/kinds.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace cachefill::event {
class Sink;
}

namespace cachefill::desktop {

enum class Scope {
    system, // closures of system and home generations, and what was built for them
    all,    // besides, whatever gets built on this machine
};

// What of a generation is to be queued; nothing if it is not valid any more.
struct GenerationContents {
    std::vector<QueuedPath> paths;
    std::chrono::sys_seconds registered{}; // when the generation itself came into the store
};

struct CollectorSettings {
    Scope scope = Scope::system;
    bool retroactive = false; // also what was here before the first start
    std::chrono::milliseconds interval = std::chrono::seconds(3);
};

// Fills the queue: looks for new generations, and in scope `all` for anything new in the store. What it finds and where
// it stands in the store is written in one transaction, so a crash repeats or loses nothing.
class Collector {
  public:
    struct Environment {
        std::function<Time()> now;
        std::function<std::vector<Generation>()> generations;
        std::function<async::Task<Result<GenerationContents>>(nix::StorePath)> expand;
        // What was built since the position, which is moved on.
        std::function<async::Task<Result<std::vector<QueuedPath>>>(StorePosition&)> new_paths;
        std::function<void()> on_queued;
    };
    Collector(async::Executor executor, Queue& queue, CollectorSettings settings, Environment environment,
              event::Sink& sink)
        : queue_(queue), settings_(settings), environment_(std::move(environment)), sink_(sink), stop_(executor) {}

    // Settles what is new and what is old, and says so; before anything else.
    Result<void> begin();
    // One look at everything. A failure means that the queue cannot be used; a store or daemon that is away is told and
    // asked again the next time.
    async::Task<Result<void>> look();
    // Looks at intervals until stop().
    async::Task<Result<void>> run();
    void stop();

  private:
    async::Task<Result<void>> look_at_generations();
    bool is_old(const GenerationContents& contents) const;
    async::Task<Result<void>> look_at_store();
    void tell(event::Severity severity, std::string text, std::string hint = {});
    void tell_trouble(const Failure& failure);

    Queue& queue_;
    CollectorSettings settings_;
    Environment environment_;
    event::Sink& sink_;
    async::Signal stop_;
    bool stopping_ = false, told_full_ = false;
    std::string trouble_told_;
};

} // namespace cachefill::desktop
