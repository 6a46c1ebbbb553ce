#pragma once

#include "async/task_group.hpp"
#include "build/build_request.hpp"
#include "build/builders.hpp"
#include "build/driver.hpp"
#include "build/fetcher.hpp"
#include "event/event.hpp"

#include <set>
#include <unordered_set>

namespace cachefill::build {

// Outputs, and those of inputs that are needed.
void add_paths_around(const plan::Graph& graph, plan::DerivationId id, std::vector<nix::StorePath>& paths);

// The driver, in parts: what there is to do and what became of it (driver.cpp), builds (driver_builds.cpp,
// driver_builders.cpp for remote ones), fetches (driver_fetches.cpp).
class NixDriver final : public Driver {
  public:
    NixDriver(Surroundings at, BuildSettings settings, DriverCallbacks callbacks)
        : endpoint_(at.endpoint), graph_(at.graph), roots_(at.roots), settings_(std::move(settings)),
          callbacks_(std::move(callbacks)), sink_(at.sink), clock_(at.clock), scheduler_(at.graph),
          fetcher_(at, settings_.cache_patience,
                   {callbacks_.fetch_overrides, callbacks_.fetched_before, callbacks_.caches_of}),
          builders_(settings_.machines, settings_.builder_patience), workers_(at.executor), changed_(at.executor),
          alarm_(at.executor) {
        listener_.on_started = [this](plan::DerivationId id) { announce(id); };
        listener_.on_log_line = [this](plan::DerivationId id, const std::string& text) {
            event::BuildLogLine line{.derivation = graph_.derivation(id).path.to_string(), .line = text};
            sink_.on_event(line);
        };
    }

    void update(const plan::Plan& plan) override;
    async::Task<void> run() override;

    void stop() override {
        stopping_ = true;
        notify();
        workers_.cancel();
    }

    void drain() override {
        draining_ = true;
        notify();
    }

    void wake() override { notify(); }
    void trust_changed() override {
        forget_who_is_free_of_doubt();
        notify();
    }

    void close_idle_connections() override {
        ++idle_generation_;
        notify();
    }

    std::vector<nix::StorePath> needed_paths() const override;
    void note_deleted(plan::DerivationId id) override { scheduler_.build_deleted(id); }

    bool hold(plan::DerivationId id) override { return scheduler_.hold(id); }
    SlotsNow slots() const override;
    std::optional<async::Clock::TimePoint> running_since(plan::DerivationId id) const override;

    bool is_building() const override { return scheduler_.running() > 0; }
    bool is_needed(plan::PathId path) const override { return scheduler_.is_needed(path); }

    const BuildRecord* record(plan::DerivationId id) const override {
        auto it = records_.find(id);
        return it == records_.end() ? nullptr : &it->second;
    }

    std::map<plan::DerivationId, BuildRecord> records() const override;
    const std::vector<FetchRecord>& fetches() const override { return fetches_; }

  private:
    bool is_done() const {
        if (stopping_ || draining_) return true;
        if (!scheduler_.is_idle() || callbacks_.expects_more()) return false;
        return !callbacks_.stays || !callbacks_.stays();
    }

    // By number in the settings' machines.
    async::Task<void> build_slot(std::size_t machine);
    std::vector<plan::DerivationId> take(std::size_t machine, std::size_t limit, std::size_t slots);
    daemon::Options build_options(std::size_t machine) const;
    async::Task<void> build(std::unique_ptr<daemon::Connection>& connection, std::size_t machine,
                            std::vector<plan::DerivationId> batch);
    async::Task<void> request(daemon::Connection& connection, std::size_t machine,
                              std::vector<plan::DerivationId> batch);
    async::Task<Result<std::string>> find_doubt(daemon::Connection& connection, plan::DerivationId id);
    async::Task<Result<std::string>> find_doubt_in_inputs(daemon::Connection& connection, plan::DerivationId id);
    async::Task<Result<std::string>> find_doubt_in_reads(daemon::Connection& connection, plan::DerivationId id);
    async::Task<std::string> doubt_about(nix::PathInfo info);
    // Paths free of doubt, with all that they refer to; of `made_here` also with all that they were made of.
    struct Cleared {
        std::unordered_set<nix::StorePath> paths;
        bool made_here = false;
    };
    async::Task<Result<std::string>> find_doubt_below(daemon::Connection& connection, std::vector<plan::PathId> tops,
                                                      Cleared& cleared);
    async::Task<Result<void>> wait_for_files(const std::vector<plan::DerivationId>& batch);
    async::Task<Result<void>> leave_out_doubtful(daemon::Connection& connection,
                                                 std::vector<plan::DerivationId>& batch);
    bool was_built(const nix::StorePath& path) const;
    // Others need the paths, or other keys count for them.
    void forget_who_is_free_of_doubt() {
        inputs_cleared_.paths.clear();
        reads_cleared_.paths.clear();
        ++doubts_forgotten_;
    }
    async::Task<std::set<nix::StorePath>> find_made_meanwhile(const std::vector<plan::DerivationId>& interrupted);
    void announce(plan::DerivationId id);
    async::Task<void> settle(BuildRequest::Ending ending, std::size_t machine);
    void note_trouble(BuilderTrouble trouble, std::size_t machine);
    void builder_failed(BuildRequest::Ending ending, std::size_t machine);
    void give_up_stranded();
    async::Task<void> built(plan::DerivationId id, BuildRecord record);
    void failed(plan::DerivationId id, BuildRecord record);
    void lost(plan::DerivationId id, BuildRecord record);
    void blocked(plan::DerivationId id, plan::DerivationId by);
    void conclude(plan::DerivationId id, BuildRecord record);
    std::string odd_attributes(plan::DerivationId id) const;

    async::Task<void> fetch_slot();
    async::Task<void> fetch(Fetcher::Line& line, plan::PathId id);
    void unfetchable(plan::PathId id, const daemon::FetchReason& reason, async::Clock::TimePoint start);
    void fetch_ended(plan::PathId id, async::Clock::TimePoint start, std::string error);
    async::Task<void> look_at_the_clock();
    void notify() {
        changed_.notify_all();
        alarm_.wake();
    }

    void say(event::Severity severity, std::string text, std::string hint = {}) {
        event::Message message{.severity = severity, .text = std::move(text), .hint = std::move(hint)};
        sink_.on_event(message);
    }
    void warn(std::string text) { say(event::Severity::warning, std::move(text)); }

    const daemon::Endpoint& endpoint_;
    const plan::Graph& graph_;
    Roots& roots_;
    BuildSettings settings_;
    DriverCallbacks callbacks_;
    event::Sink& sink_;
    async::Clock& clock_;
    BuildListener listener_;
    Scheduler scheduler_;
    Fetcher fetcher_;
    Builders builders_;
    async::TaskGroup workers_;
    async::Signal changed_;
    async::Nap alarm_; // until a fetch may be tried again
    std::map<plan::DerivationId, BuildRecord> records_;
    std::vector<FetchRecord> fetches_;
    std::map<plan::DerivationId, async::Clock::TimePoint> started_;
    std::map<plan::DerivationId, int> losses_;
    Cleared inputs_cleared_, reads_cleared_{.paths = {}, .made_here = true};
    std::uint64_t doubts_forgotten_ = 0;                   // what was asked for before is not added to them
    std::map<plan::PathId, daemon::FetchReason> given_up_; // fetches, for the network's sake
    std::uint64_t idle_generation_ = 0;                    // connections older than this are closed when idle
    bool stopping_ = false;
    bool draining_ = false;
};

} // namespace cachefill::build
