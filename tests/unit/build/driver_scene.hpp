#pragma once

#include "build/driver.hpp"
#include "build/roots.hpp"
#include "chain.hpp"
#include "event/event.hpp"
#include "support/acting_daemon.hpp"
#include "support/hand_clock.hpp"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace cachefill::test {

// A driver with everything around it that is not the driver: an acting daemon, a clock that is cranked by hand.
class DriverScene : public event::Sink {
  public:
    explicit DriverScene(const Chain::Options& options = {}) : chain(options) {
        settings.machines = chain.machines;
        settings.local_slots = 2;
        callbacks.on_built = [this](plan::DerivationId id, const std::vector<nix::StorePath>&) {
            built.emplace_back(chain.graph.derivation(id).name());
        };
        callbacks.on_fetched = [this](plan::PathId path) { fetched.push_back(name_of(path)); };
        callbacks.on_unfetchable = [this](plan::PathId path, const daemon::FetchReason& reason) {
            unfetchable.emplace_back(name_of(path), reason);
        };
        callbacks.expects_more = [] { return false; };
    }

    HandClock clock;
    Chain chain;
    build::BuildSettings settings;
    build::DriverCallbacks callbacks;
    std::vector<std::string> built, fetched;
    std::vector<std::pair<std::string, daemon::FetchReason>> unfetchable;
    std::vector<event::CacheWaiting> waiting;
    std::vector<std::string> messages;                       // to people, in order
    std::vector<std::string> concluded;                      // names, in order
    std::vector<std::string> builds_asked, fetches_asked;    // of the daemon
    std::vector<std::string> build_settings, fetch_settings; // for each the connection's, "NAME=VALUE …"
    std::map<std::string, build::BuildRecord> records;       // by name
    std::vector<build::FetchRecord> fetch_records;
    build::Driver* driver = nullptr; // while it runs

    void on_event(const event::Event& event) override {
        if (const auto* told = std::get_if<event::CacheWaiting>(&event)) waiting.push_back(*told);
        if (const auto* told = std::get_if<event::Message>(&event)) messages.push_back(told->text);
        if (const auto* told = std::get_if<event::BuildFinished>(&event)) concluded.push_back(told->name);
    }

    plan::PathId path(const std::string& name) { return chain.graph.intern(path_of('0', name)); }

    // Drives the plan to its end. `set_up` says how the daemon acts.
    void run(const plan::Plan& plan, std::function<void(ActingDaemon&)> set_up) {
        run_by_hand(clock, [this, &plan, set_up = std::move(set_up)](async::Executor executor) {
            return play(executor, plan, set_up);
        });
    }

  private:
    std::string name_of(plan::PathId path) const { return std::string(chain.graph.path(path).name()); }

    async::Task<void> play(async::Executor executor, const plan::Plan& plan,
                           const std::function<void(ActingDaemon&)>& set_up) {
        ActingDaemon daemon(executor, clock);
        set_up(daemon);
        async::TaskGroup serving(executor);
        serving.spawn(daemon.serve());
        auto folder = TemporaryDirectory::make("cachefill-driver-").value();
        auto endpoint = daemon.endpoint();
        auto roots = co_await build::Roots::open(endpoint, folder.path() / "roots");
        const build::Surroundings here{.executor = executor,
                                       .endpoint = endpoint,
                                       .graph = chain.graph,
                                       .roots = **roots,
                                       .sink = *this,
                                       .clock = clock};
        auto made = build::make_driver(here, settings, callbacks);
        driver = made.get();
        driver->update(plan);
        co_await driver->run();
        for (const auto& [id, record] : driver->records())
            records.emplace(std::string(chain.graph.derivation(id).name()), record);
        fetch_records = driver->fetches();
        driver = nullptr;
        made.reset();
        roots->reset();
        serving.cancel();
        co_await serving.join();
        builds_asked = daemon.builds;
        fetches_asked = daemon.fetches;
        build_settings = daemon.build_settings;
        fetch_settings = daemon.fetch_settings;
    }
};

} // namespace cachefill::test
