#pragma once

#include "async/clock.hpp"
#include "async/task_group.hpp"
#include "async/worker_pool.hpp"
#include "event/event.hpp"
#include "fake_store.hpp"
#include "push/pipeline.hpp"
#include "support/memory_cache.hpp"

#include <boost/asio/co_spawn.hpp>

namespace cachefill::test {

struct RecordingSink final : event::Sink {
    std::vector<event::Event> events;
    void on_event(const event::Event& event) override { events.push_back(event); }
    template <class T> std::vector<T> all() const {
        std::vector<T> found;
        for (const auto& event : events)
            if (const auto* wanted = std::get_if<T>(&event)) found.push_back(*wanted);
        return found;
    }
};

// A store, a cache, and a pipeline between them.
struct Pushing {
    using Beside = std::function<async::Task<void>(push::Pipeline&)>;

    boost::asio::io_context loop;
    FakeStore store;
    MemoryCache cache{loop.get_executor()};
    async::WorkerPool workers{loop.get_executor(), 2};
    RecordingSink sink;
    push::PushSettings settings;
    push::PushEnvironment environment;
    std::map<nix::StorePath, std::vector<event::PushOutcome>> settled;
    std::vector<nix::StorePath> infos_asked;
    bool is_building = false;
    std::unique_ptr<push::Pipeline> pipeline;

    Pushing() {
        using namespace std::chrono_literals;
        settings.retry_later = {.first_delay = 2ms, .longest_delay = 10ms, .longest_server_delay = 10ms, .budget = 1h};
        environment.physical = [this](const nix::StorePath& path) { return store.physical(path); };
        environment.is_served = [this](nix::StorePath path) -> async::Task<Result<bool>> {
            co_return cache.is_served(path);
        };
        environment.path_infos =
            [this](
                std::vector<nix::StorePath> paths) -> async::Task<Result<std::vector<std::optional<nix::PathInfo>>>> {
            std::vector<std::optional<nix::PathInfo>> infos;
            for (const auto& path : paths) {
                infos_asked.push_back(path);
                auto found = store.infos.find(path);
                infos.push_back(found == store.infos.end() ? std::nullopt : std::optional(found->second));
            }
            co_return infos;
        };
        environment.on_settled = [this](const nix::StorePath& path, event::PushOutcome outcome) {
            settled[path].push_back(outcome);
        };
        environment.is_building = [this] { return is_building; };
    }

    push::Pipeline& make() {
        pipeline = push::make_pipeline(loop.get_executor(), cache, workers, settings, environment, sink);
        return *pipeline;
    }

    // Runs the pipeline to its end, with this beside it, which may cancel the group.
    void run(std::function<async::Task<void>(push::Pipeline&, async::TaskGroup&)> beside) {
        std::exception_ptr error;
        auto body = [&]() -> async::Task<void> {
            async::TaskGroup group(loop.get_executor());
            group.spawn(pipeline->run());
            co_await beside(*pipeline, group);
            co_await group.join();
        };
        boost::asio::co_spawn(loop, body(), [&](std::exception_ptr thrown) { error = std::move(thrown); });
        loop.run();
        loop.restart();
        if (error) std::rethrow_exception(error);
    }

    void push(const std::vector<nix::StorePath>& paths) {
        make();
        for (const auto& path : paths) pipeline->add(path, true);
        run([](push::Pipeline& running, async::TaskGroup&) -> async::Task<void> {
            running.close();
            co_return;
        });
    }

    const push::PushRecord& record(const nix::StorePath& path) const { return pipeline->ledger().at(path); }
    event::PushOutcome outcome(const nix::StorePath& path) const { return record(path).outcome; }
};

} // namespace cachefill::test
