// cachefill push --watch: the service of a machine that builds for others.
#include "app/closures.hpp"
#include "app/command_line.hpp"
#include "app/commands/commands.hpp"
#include "app/exit_code.hpp"
#include "app/push_service.hpp"
#include "app/push_targets.hpp"
#include "async/task_group.hpp"
#include "base/text.hpp"
#include "device/conditions.hpp"
#include "device/notify.hpp"
#include "device/store_watch.hpp"
#include "event/messages_only.hpp"

namespace cachefill::app {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto heartbeat = 10s;
constexpr auto longest_farewell = 12s; // uploads in flight get a part of it

device::Time now() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

class WatchService {
  public:
    explicit WatchService(CommandContext& context)
        : session_(context.session), sink_(session_.sink()), manager_(session_.environment()),
          work_(session_.executor()) {}

    Task<Result<void>> run(CommandContext& context) {
        CO_TRY(caches, caches_to_watch_for(session_.settings()));
        auto findings = co_await session_.find_store();
        if (!findings.empty()) co_return std::move(findings.front());
        session_.close_connection();
        CO_TRY(places, device::usual_places(session_.endpoint().physical_root, session_.environment(),
                                            session_.settings().push_users));
        places_ = std::move(places);
        device::run_in_the_background();
        CO_TRY(queue, device::Queue::open(session_.state_directory(), now()));
        queue_.emplace(std::move(queue));
        CO_TRY_VOID(set_caches(caches));
        make_couriers(caches);
        make_collector();
        CO_TRY_VOID(collector_->begin());
        context.on_signal = [this](int) { stop(); };
        greet(caches);
        work_.spawn(run_collector());
        for (auto& courier : couriers_) work_.spawn(run_courier(*courier));
        work_.spawn(report_to_manager());
        manager_.ready();
        co_await work_.join();
        context.on_signal = {};
        if (failure_) co_return std::move(*failure_);
        co_return Result<void>();
    }

  private:
    void tell(event::Severity severity, std::string text) {
        event::Message message{.severity = severity, .text = std::move(text), .hint = {}};
        sink_.on_event(message);
    }

    Result<void> set_caches(const std::vector<PushCache>& caches) {
        std::vector<device::Queue::Cache> known;
        for (const auto& cache : caches) known.push_back({cache.name, cache.uri.shown(), cache.is_optional});
        TRY(dropped, queue_->set_caches(known));
        for (const auto& [name, waiting] : dropped)
            if (waiting > 0)
                tell(event::Severity::notice, name + " is not configured any more: " + counted(waiting, "path") +
                                                  " that waited for it are forgotten");
        return {};
    }

    void make_couriers(const std::vector<PushCache>& caches) {
        for (const auto& cache : caches) {
            carriers_.push_back(std::make_unique<CacheCarrier>(session_, cache, other_urls(caches, cache), messages_));
            auto* carrier = carriers_.back().get();
            device::CourierSettings settings;
            settings.cache = cache.name;
            settings.is_optional = cache.is_optional;
            device::Courier::Environment environment;
            environment.now = now;
            environment.obstacle = [this] { return obstacle(); };
            environment.surroundings = [carrier] {
                return device::network_fingerprint() + carrier->credentials_fingerprint();
            };
            couriers_.push_back(std::make_unique<device::Courier>(session_.executor(), *queue_, *carrier,
                                                                  std::move(settings), std::move(environment), sink_));
        }
    }

    void make_collector() {
        const auto& settings = session_.settings();
        auto connect = [this] { return connect_patiently(session_.endpoint()); };
        store_ = std::make_unique<device::StoreWatch>(
            places_.state, session_.endpoint().physical_root.string() + std::string(nix::store_dir),
            std::move(connect));
        device::CollectorSettings collect;
        collect.scope = settings.push_scope == PushScope::all ? device::Scope::all : device::Scope::system;
        collect.retroactive = settings.retroactive;
        device::Collector::Environment environment;
        environment.now = now;
        environment.generations = [this] { return device::find_generations(places_); };
        environment.expand = [this](nix::StorePath generation) { return expand(std::move(generation)); };
        environment.new_paths = [this](device::StorePosition& position) { return store_->poll(position); };
        environment.on_queued = [this] {
            for (auto& courier : couriers_) courier->wake();
        };
        collector_ =
            std::make_unique<device::Collector>(session_.executor(), *queue_, collect, std::move(environment), sink_);
    }

    Task<Result<device::GenerationContents>> expand(nix::StorePath generation) {
        CO_TRY(connection, co_await connect_patiently(session_.endpoint()));
        co_return co_await built_for_generation(session_, *connection, std::move(generation));
    }

    Task<std::string> obstacle() {
        const auto& settings = session_.settings();
        if (!settings.push_on_battery && device::is_on_battery()) co_return std::string("on battery");
        if (!settings.push_when_metered && co_await device::is_metered(session_.environment()))
            co_return std::string("on a metered connection");
        co_return std::string();
    }

    void greet(const std::vector<PushCache>& caches) {
        std::vector<std::string> names;
        for (const auto& cache : caches) names.push_back(cache.name);
        auto what = session_.settings().push_scope == PushScope::all
                        ? "everything that is built here"
                        : "new system and home generations, and what is built for them";
        tell(event::Severity::info, "watching: " + std::string(what) + " → " + join(names, ", "));
        if (auto others = device::users_left_out(places_); !others.empty())
            tell(event::Severity::notice,
                 "home generations of " + join(others, ", ") + " are not pushed: push.users does not name them");
    }

    void give_up(Failure failure) {
        if (!failure_) failure_ = std::move(failure);
        stop();
    }

    void stop() {
        if (std::exchange(stopping_, true)) return;
        manager_.stopping();
        collector_->stop();
        for (auto& courier : couriers_) courier->stop();
        stop_by_ = std::chrono::steady_clock::now() + longest_farewell;
    }

    Task<void> run_collector() {
        auto ended = co_await collector_->run();
        if (!ended) give_up(std::move(ended).error());
        note_end();
    }

    Task<void> run_courier(device::Courier& courier) {
        auto ended = co_await courier.run();
        if (!ended) give_up(std::move(ended).error());
        note_end();
    }

    // The last one out ends the heartbeat, too.
    void note_end() {
        if (++ended_ == couriers_.size() + 1) work_.cancel();
    }

    // Says how we are, and sees to it that the farewell ends.
    Task<void> report_to_manager() {
        auto pause = manager_.interval().value_or(heartbeat);
        for (;;) {
            manager_.alive();
            manager_.status(status_line());
            auto longest = stopping_ ? 250ms : 1000ms;
            co_await async::sleep_for(std::min<std::chrono::milliseconds>(pause, longest));
            if (stopping_ && std::chrono::steady_clock::now() >= stop_by_) work_.cancel();
        }
    }

    std::string status_line() const {
        std::vector<std::string> parts;
        for (const auto& courier : couriers_) parts.push_back(courier->doing());
        return join(parts, "; ");
    }

    Session& session_;
    event::Sink& sink_;
    event::MessagesOnly messages_{sink_}; // progress of each path is no matter for a log
    device::ServiceManager manager_;
    device::ProfilePlaces places_;
    std::optional<device::Queue> queue_;
    std::vector<std::unique_ptr<CacheCarrier>> carriers_;
    std::vector<std::unique_ptr<device::Courier>> couriers_;
    std::unique_ptr<device::StoreWatch> store_;
    std::unique_ptr<device::Collector> collector_;
    std::optional<Failure> failure_;
    std::chrono::steady_clock::time_point stop_by_{};
    std::size_t ended_ = 0;
    bool stopping_ = false;
    async::TaskGroup work_; // last: its children use all the others
};

} // namespace

Task<int> push_watch(CommandContext& context) {
    const auto& settings = context.session.settings();
    std::optional<Failure> failure;
    if (!settings.arguments.empty() || !settings.since.empty() || settings.dry_run)
        failure = Failure(FailureKind::usage, "--watch takes neither paths nor --since nor --dry-run")
                      .with_hint("without --watch they are pushed once");
    if (!failure) {
        WatchService service(context);
        auto ended = co_await service.run(context);
        if (!ended) failure = std::move(ended).error();
    }
    if (!failure) co_return static_cast<int>(ExitCode::complete); // stopped, as asked
    context.console.print_error(*failure);
    co_return static_cast<int>(failure->kind() == FailureKind::usage ? ExitCode::usage : ExitCode::machine);
}

} // namespace cachefill::app
