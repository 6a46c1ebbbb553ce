// cachefill push --watch: the service of a machine that builds for others.
#include "app/commands/commands.hpp"
#include "async/clock.hpp"
#include "async/together.hpp"
#include "base/text.hpp"
#include "desktop/conditions.hpp"
#include "desktop/notify.hpp"
#include "desktop/store_watch.hpp"
#include "event/messages_only.hpp"
#include "fill/closures.hpp"
#include "fill/push_service.hpp"
#include "fill/push_targets.hpp"
#include "options/command_line.hpp"
#include "options/exit_code.hpp"

namespace cachefill::app {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto heartbeat = 10s;
constexpr auto longest_farewell = 12s; // uploads in flight get a part of it

class WatchService {
  public:
    explicit WatchService(CommandContext& context)
        : session_(context.session), sink_(session_.sink()), manager_(session_.environment()),
          work_(session_.executor()) {}

    Task<Result<void>> run(CommandContext& context) {
        CO_TRY(caches, fill::caches_to_watch_for(session_.settings()));
        auto findings = co_await session_.find_store();
        if (!findings.empty()) co_return std::move(findings.front());
        session_.close_connection();
        CO_TRY(places, desktop::usual_places(session_.endpoint().physical_root, session_.environment(),
                                             session_.settings().push_users));
        places_ = std::move(places);
        desktop::run_in_the_background();
        CO_TRY(queue, desktop::Queue::open(session_.state_directory(), now()));
        queue_.emplace(std::move(queue));
        CO_TRY_VOID(set_caches(caches));
        make_couriers(caches);
        make_collector();
        CO_TRY_VOID(collector_->begin());
        context.on_signal = [this](int) { stop(); };
        greet(caches);
        auto all = [this](async::TaskGroup& group) {
            group.spawn(run_collector());
            for (auto& courier : couriers_) group.spawn(run_courier(*courier));
            group.spawn(report_to_manager());
            manager_.ready();
        };
        co_await async::together(work_, all);
        context.on_signal = {};
        if (failure_) co_return std::move(*failure_);
        co_return Result<void>();
    }

  private:
    void tell(event::Severity severity, std::string text) {
        event::Message message{.severity = severity, .text = std::move(text), .hint = {}};
        sink_.on_event(message);
    }

    Result<void> set_caches(const std::vector<options::PushCache>& caches) {
        std::vector<desktop::Queue::Cache> known;
        for (const auto& cache : caches) known.push_back({cache.name, cache.uri.shown(), cache.is_optional});
        TRY(dropped, queue_->set_caches(known));
        for (const auto& [name, waiting] : dropped)
            if (waiting > 0)
                tell(event::Severity::notice, name + " is not configured any more: " + counted(waiting, "path") +
                                                  " that waited for it are forgotten");
        return {};
    }

    void make_couriers(const std::vector<options::PushCache>& caches) {
        for (const auto& cache : caches) {
            carriers_.push_back(
                std::make_unique<fill::CacheCarrier>(session_, cache, fill::other_urls(caches, cache), messages_));
            auto* carrier = carriers_.back().get();
            desktop::CourierSettings settings;
            settings.cache = cache.name;
            settings.is_optional = cache.is_optional;
            auto surroundings = [carrier] {
                return desktop::network_fingerprint() + carrier->credentials_fingerprint();
            };
            desktop::Courier::Environment environment{.clock = session_.clock(),
                                                      .now = [this] { return now(); },
                                                      .obstacle = [this] { return obstacle(); },
                                                      .surroundings = std::move(surroundings)};
            couriers_.push_back(std::make_unique<desktop::Courier>(session_.executor(), *queue_, *carrier,
                                                                   std::move(settings), std::move(environment), sink_));
        }
    }

    void make_collector() {
        const auto& settings = session_.settings();
        auto connect = [this] { return fill::connect_patiently(session_.endpoint()); };
        store_ = std::make_unique<desktop::StoreWatch>(
            places_.state, session_.endpoint().physical_root.string() + std::string(nix::store_dir),
            std::move(connect));
        desktop::CollectorSettings collect;
        collect.scope = settings.push_scope == options::PushScope::all ? desktop::Scope::all : desktop::Scope::system;
        collect.retroactive = settings.retroactive;
        desktop::Collector::Environment environment;
        environment.now = [this] { return now(); };
        environment.generations = [this] { return desktop::find_generations(places_); };
        environment.expand = [this](nix::StorePath generation) { return expand(std::move(generation)); };
        environment.new_paths = [this](desktop::StorePosition& position) { return store_->poll(position); };
        environment.on_queued = [this] {
            for (auto& courier : couriers_) courier->wake();
        };
        collector_ =
            std::make_unique<desktop::Collector>(session_.executor(), *queue_, collect, std::move(environment), sink_);
    }

    Task<Result<desktop::GenerationContents>> expand(nix::StorePath generation) {
        CO_TRY(connection, co_await fill::connect_patiently(session_.endpoint()));
        co_return co_await fill::built_for_generation(session_, *connection, std::move(generation));
    }

    Task<std::string> obstacle() {
        const auto& settings = session_.settings();
        if (!settings.push_on_battery && desktop::is_on_battery()) co_return std::string("on battery");
        if (!settings.push_when_metered && co_await desktop::is_metered(session_.environment()))
            co_return std::string("on a metered connection");
        co_return std::string();
    }

    void greet(const std::vector<options::PushCache>& caches) {
        std::vector<std::string> names;
        for (const auto& cache : caches) names.push_back(cache.name);
        auto what = session_.settings().push_scope == options::PushScope::all
                        ? "everything that is built here"
                        : "new system and home generations, and what is built for them";
        tell(event::Severity::info, "watching: " + std::string(what) + " → " + join(names, ", "));
        if (auto others = desktop::users_left_out(places_); !others.empty())
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
        stop_by_ = session_.clock().now() + longest_farewell;
    }

    Task<void> run_collector() {
        auto ended = co_await collector_->run();
        if (!ended) give_up(std::move(ended).error());
        note_end();
    }

    Task<void> run_courier(desktop::Courier& courier) {
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
            co_await session_.clock().sleep_for(std::min<std::chrono::milliseconds>(pause, longest));
            if (stopping_ && session_.clock().now() >= stop_by_) work_.cancel();
        }
    }

    desktop::Time now() const { return std::chrono::floor<std::chrono::milliseconds>(session_.clock().wall_time()); }

    std::string status_line() const {
        std::vector<std::string> parts;
        for (const auto& courier : couriers_) parts.push_back(courier->doing());
        return join(parts, "; ");
    }

    session::Session& session_;
    event::Sink& sink_;
    event::MessagesOnly messages_{sink_}; // progress of each path is no matter for a log
    desktop::ServiceManager manager_;
    desktop::ProfilePlaces places_;
    std::optional<desktop::Queue> queue_;
    std::vector<std::unique_ptr<fill::CacheCarrier>> carriers_;
    std::vector<std::unique_ptr<desktop::Courier>> couriers_;
    std::unique_ptr<desktop::StoreWatch> store_;
    std::unique_ptr<desktop::Collector> collector_;
    std::optional<Failure> failure_;
    async::Clock::TimePoint stop_by_{};
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
    if (!failure) co_return static_cast<int>(options::ExitCode::complete); // stopped, as asked
    context.console.print_error(*failure);
    co_return static_cast<int>(options::exit_code_for(failure->kind()));
}

} // namespace cachefill::app
