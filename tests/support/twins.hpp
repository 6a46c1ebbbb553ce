#pragma once

#include "async/task_group.hpp"
#include "cache/make_cache.hpp"
#include "eval/evaluator.hpp"
#include "event/event.hpp"
#include "session/outside.hpp"
#include "support/acting_daemon.hpp"
#include "support/faulty_cache.hpp"
#include "support/hand_clock.hpp"
#include "support/machine.hpp"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::test {

// A fleet, and the machine that fills a cache with it, where whatever lies outside the program has a twin: evaluators
// and caches answer from memory, the daemon acts as it is told, the disk is as large as is said, and the clock is
// turned by hand. Only git is asked of real processes.
class Twins : public event::Sink {
  public:
    explicit Twins(const std::string& more_nix_settings = {}); // as Machine has them

    boost::asio::io_context loop;
    HandClock clock;
    Machine machine;
    ActingDaemon daemon;
    FaultyCache own, upstream, further; // the last to be filled, too
    std::vector<event::Event> events;

    // Input-addressed, each after what it needs; its output refers to theirs.
    void derivation(const std::string& name, const std::vector<std::string>& inputs = {},
                    const std::string& platform = "x86_64-linux");
    // A NixOS host, made of a derivation of its own.
    struct Host {
        eval::TargetRef ref;
        std::chrono::milliseconds evaluation{1000};
        std::optional<std::chrono::milliseconds> evaluation_before = {}; // how long that took the last time
        std::optional<Failure> failure;
        std::optional<nix::CacheSettings> nix_settings = {};
        std::string committed = {}; // what the flake makes of it at a commit, a derivation's name; empty: the same
    };
    Host& host(const std::string& name, const std::vector<std::string>& inputs,
               const std::string& platform = "x86_64-linux");
    std::deque<Host> hosts;
    std::chrono::milliseconds listing{}; // how long that takes
    eval::FlakeInfo flake;
    int fetched_inputs = 0;                                       // times
    std::function<void(eval::EvaluatedTarget&)> change_evaluated; // what else an evaluation comes to
    Mishaps evaluations;                                          // that fail
    std::vector<eval::CheckFinding> findings;                     // about the rest of the flake

    // How a build goes; what is not named takes ten seconds and succeeds.
    struct Build {
        std::chrono::milliseconds takes{10000};
        std::string error; // empty: it succeeds
    };
    std::map<std::string, Build> builds;
    std::map<std::string, std::chrono::milliseconds> uploads; // how long each takes; others no time
    std::uint64_t free_bytes = 100ULL << 30;

    static nix::StorePath path(const std::string& name) { return Machine::some_path(name); }
    void serve(FaultyCache& cache, const std::vector<std::string>& names);
    void make_valid(const std::string& name); // on this machine
    std::vector<std::string> built() const { return names_of(daemon.builds); }
    std::vector<std::string> fetched() const { return names_of(daemon.fetches); }
    static std::vector<std::string> published(const FaultyCache& cache); // by this program, in order
    std::vector<std::string> published() const { return published(own); }
    template <class Told> std::size_t times_told() const {
        return static_cast<std::size_t>(std::count_if(
            events.begin(), events.end(), [](const auto& event) { return std::holds_alternative<Told>(event); }));
    }
    std::string messages() const; // a line each

    // What happens at a moment of the clock, or at the very moment when a stage begins.
    void at(std::chrono::milliseconds moment, std::function<void()> action) {
        moments_.emplace_back(moment, std::move(action));
    }
    void when(event::Stage stage, std::function<void()> action) { beginnings_.emplace(stage, std::move(action)); }

    void on_event(const event::Event& event) override;

    // The command is cancelled after so many turns of the loop, whatever it waits for then.
    std::optional<std::size_t> cancelled_after;
    std::size_t turns = 0; // of the loop, so far

    // Runs what a command does with its session to its end, turning the clock whenever all wait for it.
    void play(std::function<async::Task<void>(session::Session&)> command);

  private:
    class Evaluator;
    class World;

    static std::vector<std::string> names_of(const std::vector<std::string>& requests);
    ActingDaemon::Play build(const std::vector<std::string>& derived_paths);
    async::Task<void> perform(std::function<async::Task<void>(session::Session&)> command);
    void cancel();
    async::Task<void> act_at(std::chrono::milliseconds moment, std::function<void()> action);

    std::map<std::string, nix::Derivation> derivations_;
    std::vector<std::pair<std::chrono::milliseconds, std::function<void()>>> moments_;
    std::map<event::Stage, std::function<void()>> beginnings_;
    async::TaskGroup* doing_ = nullptr;
};

} // namespace cachefill::test
