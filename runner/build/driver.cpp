#include "build/driver.hpp"

#include "async/limiter.hpp"
#include "async/retry.hpp"
#include "async/task_group.hpp"
#include "base/elapsed.hpp"
#include "base/text.hpp"
#include "build/log_tail.hpp"
#include "build/roots.hpp"

#include <algorithm>
#include <optional>
#include <random>
#include <unordered_map>

namespace cachefill::build {

using async::Task;
using plan::DerivationId;
using plan::PathId;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t batch_limit = 8;
constexpr int daemon_losses_survived = 3;

event::BuildOutcome outcome_of(daemon::BuildStatus status) {
    if (daemon::is_success(status)) return event::BuildOutcome::built;
    if (status == daemon::BuildStatus::timed_out) return event::BuildOutcome::timed_out;
    return event::BuildOutcome::failed;
}

class NixDriver final : public Driver {
  public:
    NixDriver(async::Executor executor, const daemon::Endpoint& endpoint, const plan::Graph& graph, Roots& roots,
              BuildSettings settings, DriverCallbacks callbacks, event::Sink& sink)
        : endpoint_(endpoint), graph_(graph), roots_(roots), settings_(std::move(settings)),
          callbacks_(std::move(callbacks)), sink_(sink), scheduler_(graph), workers_(executor), changed_(executor),
          first_fetch_(executor, 1) {}

    void update(const plan::Plan& plan) override {
        scheduler_.update(plan, settings_.machines);
        changed_.notify_all();
    }

    void stop() override {
        stopping_ = true;
        changed_.notify_all();
        workers_.cancel();
    }

    void drain() override {
        draining_ = true;
        changed_.notify_all();
    }

    void wake() override { changed_.notify_all(); }

    Task<void> run() override {
        for (std::size_t i = 0; i < settings_.local_slots; ++i) workers_.spawn(build_slot(SlotKind::local));
        for (std::size_t i = 0; i < settings_.remote_slots; ++i) workers_.spawn(build_slot(SlotKind::remote));
        for (std::size_t i = 0; i < settings_.fetches; ++i) workers_.spawn(fetch_slot());
        co_await workers_.join();
        for (auto id : scheduler_.unfinished())
            if (scheduler_.state(id) == Scheduler::State::running) report_cancelled(id);
    }

    void close_idle_connections() override {
        ++idle_generation_;
        changed_.notify_all();
    }

    std::vector<nix::StorePath> needed_paths() const override {
        std::vector<nix::StorePath> paths;
        for (auto id : scheduler_.unfinished()) {
            paths.push_back(graph_.derivation(id).path);
            collect_roots(id, paths);
            if (const auto* planned = scheduler_.planned(id))
                for (auto path : planned->fetch) paths.push_back(graph_.path(path));
        }
        std::sort(paths.begin(), paths.end());
        paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
        return paths;
    }

    void note_deleted(DerivationId id) override { scheduler_.build_deleted(id); }

    bool is_building() const override { return scheduler_.running() > 0; }
    bool is_needed(PathId path) const override { return scheduler_.is_needed(path); }

    const BuildRecord* record(DerivationId id) const override {
        auto it = records_.find(id);
        return it == records_.end() ? nullptr : &it->second;
    }

    std::map<DerivationId, BuildRecord> records() const override {
        auto all = records_;
        for (auto id : scheduler_.unfinished()) all.try_emplace(id);
        return all;
    }

  private:
    // One derivation while it is being built.
    struct Running {
        DerivationId id;
        Clock::time_point start = Clock::now();
        bool announced = false;
        LogTail log;
    };

    bool is_done() const { return stopping_ || draining_ || (scheduler_.is_idle() && !callbacks_.expects_more()); }

    Task<void> build_slot(SlotKind kind) {
        std::unique_ptr<daemon::Connection> connection;
        auto slots = kind == SlotKind::local ? settings_.local_slots : settings_.remote_slots;
        auto generation = idle_generation_;
        while (!is_done()) {
            if (std::exchange(generation, idle_generation_) != idle_generation_) connection.reset();
            std::vector<DerivationId> batch;
            if (!callbacks_.may_start || callbacks_.may_start())
                batch = scheduler_.take_builds(kind, batch_limit, slots, !callbacks_.expects_more());
            if (batch.empty()) {
                co_await changed_.wait();
                continue;
            }
            co_await build(connection, kind, std::move(batch));
            changed_.notify_all();
        }
        changed_.notify_all(); // the others may be done, too
    }

    Task<Result<void>> prepare(std::unique_ptr<daemon::Connection>& connection, daemon::Options options) {
        if (connection && !connection->is_broken()) co_return Result<void>();
        CO_TRY(fresh, co_await daemon::connect(endpoint_));
        CO_TRY_VOID(co_await fresh->set_options(std::move(options)));
        connection = std::move(fresh);
        co_return Result<void>();
    }

    daemon::Options build_options(SlotKind kind) const {
        daemon::Options options;
        options.max_build_jobs = kind == SlotKind::local ? 1 : 0;
        options.build_cores = settings_.cores;
        options.max_silent_seconds = static_cast<std::uint64_t>(settings_.silence_limit.count());
        // What could be fetched has been fetched; asking the substituters again would only cost time.
        options.use_substitutes = false;
        if (settings_.time_limit.count() > 0)
            options.overrides["timeout"] = std::to_string(settings_.time_limit.count());
        return options;
    }

    Task<void> build(std::unique_ptr<daemon::Connection>& connection, SlotKind kind, std::vector<DerivationId> batch) {
        std::unordered_map<std::string, Running> running; // by .drv path
        std::vector<daemon::DerivedPath> wanted;
        std::vector<nix::StorePath> held;
        for (auto id : batch) {
            const auto& derivation = graph_.derivation(id);
            Running entry{.id = id, .start = Clock::now(), .announced = false, .log = {}};
            running.emplace(derivation.path.to_string(), std::move(entry));
            daemon::DerivedPath request{.path = derivation.path, .outputs = {"*"}};
            wanted.push_back(std::move(request));
            held.push_back(derivation.path);
            collect_roots(id, held);
        }
        auto options = build_options(kind);
        auto ready = co_await prepare(connection, std::move(options));
        if (ready) ready = co_await roots_.hold(std::move(held));
        if (!ready) {
            for (auto id : batch) lost(id, ready.error());
            co_return;
        }
        auto listen = [this, &running](const daemon::LogEvent& log) { on_log(running, log); };
        connection->set_log_sink(std::move(listen));
        if (batch.size() == 1) announce(running.begin()->second);
        auto results = co_await connection->build_paths(std::move(wanted), daemon::BuildMode::normal);
        connection->set_log_sink({});
        if (!results) {
            bool connection_lost = connection->is_broken();
            for (auto id : batch) {
                if (connection_lost)
                    lost(id, results.error());
                else
                    failed(running.at(graph_.derivation(id).path.to_string()), event::BuildOutcome::failed,
                           results.error().one_line());
            }
            co_return;
        }
        for (auto& [drv, entry] : running) {
            auto result = std::find_if(results->begin(), results->end(), [&asked = drv](const auto& r) {
                return std::string_view(r.derived_path).substr(0, r.derived_path.find('!')) == asked;
            });
            if (result == results->end()) {
                failed(entry, event::BuildOutcome::failed, "the daemon gave no result for it");
            } else if (auto outcome = outcome_of(result->status); outcome == event::BuildOutcome::built) {
                co_await built(entry, *result);
            } else {
                failed(entry, outcome, describe(*result));
            }
        }
    }

    static std::string describe(const daemon::BuildResult& result) {
        std::string text(daemon::to_string(result.status));
        if (!result.error_message.empty()) text = result.error_message;
        return text;
    }

    void collect_roots(DerivationId id, std::vector<nix::StorePath>& held) const {
        const auto& derivation = graph_.derivation(id);
        for (const auto& output : derivation.outputs)
            if (output.path != plan::no_path) held.push_back(graph_.path(output.path));
        for (const auto& input : derivation.inputs)
            for (auto number : input.outputs)
                if (auto path = graph_.derivation(input.derivation).outputs[number].path; path != plan::no_path)
                    held.push_back(graph_.path(path));
    }

    void announce(Running& entry) {
        if (entry.announced) return;
        entry.announced = true;
        entry.start = Clock::now();
        started_[entry.id] = entry.start;
        const auto& derivation = graph_.derivation(entry.id);
        const auto* planned = scheduler_.planned(entry.id);
        event::BuildStarted started{.derivation = derivation.path.to_string(),
                                    .name = std::string(derivation.name()),
                                    .expected = planned ? planned->expected : std::chrono::milliseconds{}};
        sink_.on_event(started);
    }

    void on_log(std::unordered_map<std::string, Running>& running, const daemon::LogEvent& log) {
        if (!log.path) return;
        auto it = running.find(log.path->to_string());
        if (it == running.end()) return;
        if (log.kind == daemon::LogEvent::Kind::build_started) announce(it->second);
        if (log.kind != daemon::LogEvent::Kind::build_log_line) return;
        it->second.log.add(log.text);
        event::BuildLogLine line{.derivation = it->first, .line = log.text};
        sink_.on_event(line);
    }

    Task<void> built(Running& entry, const daemon::BuildResult& result) {
        const auto& derivation = graph_.derivation(entry.id);
        BuildRecord record;
        record.outcome = event::BuildOutcome::built;
        record.took = entry.announced ? elapsed_since(entry.start) : std::chrono::milliseconds{};
        for (const auto& output : derivation.outputs) {
            if (output.path != plan::no_path)
                record.outputs.push_back(graph_.path(output.path));
            else if (auto it = result.outputs.find(output.name); it != result.outputs.end())
                record.outputs.push_back(it->second);
        }
        for (const auto& output : record.outputs) {
            auto kept = co_await roots_.keep(output);
            // The temporary root still holds it while we live; only a crash would leave it unprotected.
            if (!kept) warn("cannot root " + output.to_string() + ": " + kept.error().one_line());
        }
        event::BuildFinished finished = report(entry.id, record);
        records_[entry.id] = record;
        scheduler_.build_succeeded(entry.id);
        sink_.on_event(finished);
        callbacks_.on_built(entry.id, record.outputs);
    }

    void failed(Running& entry, event::BuildOutcome outcome, std::string error) {
        if (stopping_) outcome = event::BuildOutcome::cancelled;
        BuildRecord record;
        record.outcome = outcome;
        record.took = elapsed_since(entry.start);
        record.error = std::move(error);
        record.log_tail = entry.log.lines();
        event::BuildFinished finished = report(entry.id, record);
        records_[entry.id] = std::move(record);
        sink_.on_event(finished);
        block_dependents(entry.id);
    }

    void report_cancelled(DerivationId id) {
        BuildRecord record;
        record.outcome = event::BuildOutcome::cancelled;
        if (auto it = started_.find(id); it != started_.end()) record.took = elapsed_since(it->second);
        event::BuildFinished finished = report(id, record);
        records_[id] = std::move(record);
        sink_.on_event(finished);
    }

    void block_dependents(DerivationId id) {
        for (auto blocked : scheduler_.build_failed(id)) {
            BuildRecord record;
            record.outcome = event::BuildOutcome::blocked;
            record.blocked_by = id;
            event::BuildFinished finished = report(blocked, record);
            records_[blocked] = std::move(record);
            sink_.on_event(finished);
        }
    }

    // The daemon went away under it. Whether it was built is unknown; asking for it again costs nothing if it was.
    void lost(DerivationId id, const Failure& failure) {
        if (stopping_ || ++losses_[id] < daemon_losses_survived) {
            scheduler_.build_returned(id);
            return;
        }
        Running entry{.id = id, .start = Clock::now(), .announced = true, .log = {}};
        failed(entry, event::BuildOutcome::failed, failure.one_line());
    }

    event::BuildFinished report(DerivationId id, const BuildRecord& record) const {
        const auto& derivation = graph_.derivation(id);
        event::BuildFinished finished;
        finished.derivation = derivation.path.to_string();
        finished.name = std::string(derivation.name());
        finished.kind = std::string(plan::to_string(derivation.kind));
        finished.outcome = record.outcome;
        finished.took = record.took;
        for (const auto& output : record.outputs) finished.outputs.push_back(output.to_string());
        finished.error = record.error;
        finished.log_tail = record.log_tail;
        if (record.blocked_by) finished.blocked_by = std::string(graph_.derivation(*record.blocked_by).name());
        if (callbacks_.targets_of) finished.targets = callbacks_.targets_of(id);
        return finished;
    }

    Task<void> fetch_slot() {
        std::unique_ptr<daemon::Connection> connection;
        auto generation = idle_generation_;
        while (!is_done()) {
            if (std::exchange(generation, idle_generation_) != idle_generation_) connection.reset();
            auto path = scheduler_.take_fetch(!callbacks_.expects_more());
            if (!path) {
                co_await changed_.wait();
                continue;
            }
            co_await fetch(connection, *path);
            changed_.notify_all();
        }
        changed_.notify_all();
    }

    Task<void> fetch(std::unique_ptr<daemon::Connection>& connection, PathId id) {
        auto start = Clock::now();
        const auto path = graph_.path(id); // a copy: the graph grows, and moves what it has, while hosts are evaluated
        // The daemon retries and times out by itself; these are for what it does not survive.
        async::RetryPolicy policy{.first_delay = std::chrono::seconds(1), .budget = std::chrono::seconds(60)};
        auto attempt = [this, &connection, &path]() -> Task<Result<void>> { return fetch_once(connection, path); };
        auto fetched = co_await async::with_retry(policy, random_, attempt);
        if (!fetched && !stopping_) {
            connection.reset(); // what went wrong may lie in that daemon process alone
            fetched = co_await async::with_retry(policy, random_, attempt);
        }
        event::FetchFinished finished{
            .path = path.to_string(), .succeeded = fetched.has_value(), .error = {}, .took = elapsed_since(start)};
        if (!fetched) finished.error = fetched.error().one_line();
        sink_.on_event(finished);
        if (fetched) {
            scheduler_.fetch_succeeded(id);
            callbacks_.on_fetched(id);
        } else {
            scheduler_.fetch_failed(id);
            callbacks_.on_unfetchable(id);
        }
    }

    Task<Result<void>> fetch_once(std::unique_ptr<daemon::Connection>& connection, const nix::StorePath& path) {
        daemon::Options options;
        options.max_build_jobs = 0;
        options.use_substitutes = true;
        if (callbacks_.fetch_overrides) options.overrides = callbacks_.fetch_overrides();
        CO_TRY_VOID(co_await prepare(connection, std::move(options)));
        std::vector<nix::StorePath> held{path};
        CO_TRY_VOID(co_await roots_.hold(std::move(held)));
        // Daemons that meet new substituters at the same time delete each other's rows from Nix's own list of them
        // ("FOREIGN KEY constraint failed"), so the first fetch of all goes alone.
        std::optional<async::Limiter::Permit> alone;
        if (!substituters_are_known_) alone.emplace(co_await first_fetch_.acquire());
        if (substituters_are_known_) alone.reset();
        auto ensured = co_await connection->ensure_path(path);
        substituters_are_known_ = true;
        if (!ensured && connection->is_broken())
            co_return Failure(FailureKind::network, "the Nix daemon went away: " + ensured.error().cause());
        co_return ensured;
    }

    void warn(std::string text) {
        event::Message message{.severity = event::Severity::warning, .text = std::move(text), .hint = {}};
        sink_.on_event(message);
    }

    const daemon::Endpoint& endpoint_;
    const plan::Graph& graph_;
    Roots& roots_;
    BuildSettings settings_;
    DriverCallbacks callbacks_;
    event::Sink& sink_;
    Scheduler scheduler_;
    async::TaskGroup workers_;
    async::Signal changed_;
    async::Limiter first_fetch_;
    bool substituters_are_known_ = false;
    std::map<DerivationId, BuildRecord> records_;
    std::map<DerivationId, Clock::time_point> started_;
    std::map<DerivationId, int> losses_;
    std::mt19937_64 random_{std::random_device{}()};
    std::uint64_t idle_generation_ = 0; // connections older than this are closed when idle
    bool stopping_ = false;
    bool draining_ = false;
};

} // namespace

std::unique_ptr<Driver> make_driver(async::Executor executor, const daemon::Endpoint& endpoint,
                                    const plan::Graph& graph, Roots& roots, BuildSettings settings,
                                    DriverCallbacks callbacks, event::Sink& sink) {
    return std::make_unique<NixDriver>(executor, endpoint, graph, roots, std::move(settings), std::move(callbacks),
                                       sink);
}

} // namespace cachefill::build
