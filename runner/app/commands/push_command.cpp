#include "app/commands/commands.hpp"
#include "app/line_input.hpp"
#include "async/clock.hpp"
#include "async/together.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "base/version.hpp"
#include "cache/front_memory.hpp"
#include "cache/nar_look.hpp"
#include "desktop/generations.hpp"
#include "desktop/store_link.hpp"
#include "desktop/store_watch.hpp"
#include "fill/archives.hpp"
#include "fill/closures.hpp"
#include "fill/push_targets.hpp"
#include "fill/pusher.hpp"
#include "options/command_line.hpp"
#include "options/exit_code.hpp"
#include "options/typed.hpp"
#include "report/run_report.hpp"

#include <algorithm>
#include <set>

namespace cachefill::app {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto upload_grace = 4500ms;

// The paths that were named, or that links lead to.
Result<std::vector<nix::StorePath>> paths_from(const std::vector<std::string>& texts,
                                               const std::filesystem::path& root) {
    std::set<nix::StorePath> unique;
    for (const auto& text : texts) {
        TRY(path, desktop::store_path_at(text, root));
        unique.insert(path);
    }
    return std::vector<nix::StorePath>(unique.begin(), unique.end());
}

// One a line.
Task<std::vector<std::string>> names_on_standard_input(async::Executor executor) {
    std::vector<std::string> names;
    auto input = LineInput::open(executor);
    while (input) {
        auto line = co_await input->line();
        if (!line) break;
        if (auto word = trim(*line); !word.empty()) names.emplace_back(word);
        if (line->size() >= LineInput::longest) break; // no path is, which is what will be said
    }
    co_return names;
}

// Pushes some paths; everything a push needs that a whole run has, too, in its simplest form.
class Push {
  public:
    explicit Push(session::Session& session) : session_(session), work_(session.executor()) {}

    Task<int> execute(CommandContext& context) {
        report_.command = report::Command::push;
        report_.again = command_again(session_.settings().typed);
        report_.version = version;
        context.on_signal = [this](int signal) { interrupt(signal); };
        std::string text;
        auto all = [&](async::TaskGroup& group) { group.spawn(work(text)); };
        co_await async::together(work_, all);
        context.on_signal = {};
        if (interrupted_ != 0) tell_of_interruption();
        report_.took = session_.clock().elapsed_since(start_);
        co_return context.console.close_with(report_, text);
    }

  private:
    void add_failure(Failure failure) {
        auto code = options::exit_code_for(failure.kind());
        if (report_.exit_code != static_cast<int>(options::ExitCode::usage)) report_.exit_code = static_cast<int>(code);
        report_.causes.push_back(failure.one_line());
        report_.messages.push_back(
            {.severity = event::Severity::error, .text = failure.one_line(), .hint = failure.hint()});
    }

    // Before anything is on its way up nothing is worth finishing.
    void interrupt(int signal) {
        if (interrupted_ != 0) return;
        interrupted_ = signal;
        if (is_pushing_)
            pusher_->stop(upload_grace);
        else
            work_.cancel();
    }

    Task<void> work(std::string& text) {
        auto paths = co_await prepare();
        if (!paths) {
            add_failure(std::move(paths).error());
            co_return;
        }
        if (!report_.causes.empty()) co_return;
        const auto& settings = session_.settings();
        if (settings.dry_run || settings.read_only) {
            text = co_await show_what_is_missing(std::move(*paths));
            co_return;
        }
        co_await push(std::move(*paths));
        text = told();
    }

    // Everything is opened, and what is to be pushed is known. What is wrong with several things stands in the report.
    Task<Result<std::vector<nix::StorePath>>> prepare() {
        const auto& settings = session_.settings();
        CO_TRY(cache, fill::cache_to_push_to(settings));
        auto findings = co_await session_.find_store();
        auto texts = settings.arguments;
        if (reads_input()) texts = co_await names_on_standard_input(session_.executor());
        auto named = paths_from(texts, session_.endpoint().physical_root);
        if (named)
            paths_ = std::move(*named);
        else
            findings.push_back(std::move(named).error());
        auto retry = async::RetryPolicy();
        retry.budget = settings.retry_budget;
        auto target = co_await fill::open_target(session_, cache, !settings.dry_run && !settings.read_only, retry);
        if (!target) findings.push_back(std::move(target).error());
        for (auto& finding : findings) add_failure(std::move(finding));
        if (!findings.empty()) co_return paths_;
        report_.cache = target->info.name;
        report_.nix_version = session_.nix().nix_version;
        pusher_.emplace(session_, std::move(*target), fill::other_urls(settings.push_caches, cache), session_.sink());
        pusher_->use(session_.connection());
        CO_TRY(chosen, co_await choose(paths_));
        paths_ = chosen;
        co_return chosen;
    }

    bool reads_input() const { return session_.settings().arguments == std::vector<std::string>{"-"}; }

    // What is to be pushed: what was named, or what is in use on this machine, or (--since) what is young of it.
    Task<Result<std::vector<nix::StorePath>>> choose(std::vector<nix::StorePath> named) {
        const auto& settings = session_.settings();
        std::optional<std::chrono::sys_seconds> since;
        if (!settings.since.empty())
            since =
                parse_moment(settings.since, std::chrono::floor<std::chrono::seconds>(session_.clock().wall_time()));
        if (named.empty() && reads_input()) co_return named; // nothing came: nothing to do
        if (named.empty() && since) co_return co_await built_since(*since);
        if (named.empty()) {
            CO_TRY(places, desktop::usual_places(session_.endpoint().physical_root, session_.environment(),
                                                 settings.push_users));
            for (const auto& current : desktop::find_current(places)) named.push_back(current.path);
            if (named.empty())
                co_return Failure(FailureKind::usage, "this machine runs neither NixOS, nix-darwin nor home-manager")
                    .with_hint("name store paths, or symlinks to them such as ./result");
        }
        CO_TRY_VOID(co_await check_valid(named));
        if (since) co_return co_await young_of(std::move(named), *since);
        co_return named;
    }

    Task<Result<void>> check_valid(std::vector<nix::StorePath> paths) {
        auto asked = paths;
        CO_TRY(valid, co_await session_.connection().query_valid_paths(std::move(asked)));
        std::set<nix::StorePath> known(valid.begin(), valid.end());
        for (const auto& path : paths)
            if (!known.contains(path))
                co_return Failure(FailureKind::usage, path.to_string() + " is not valid in this machine's store")
                    .with_hint("build it first, or check the spelling");
        CO_TRY_VOID(co_await session_.connection().add_temp_roots(std::move(paths)));
        co_return Result<void>();
    }

    Task<Result<std::vector<nix::StorePath>>> young_of(std::vector<nix::StorePath> roots,
                                                       std::chrono::sys_seconds since) {
        CO_TRY(closure, co_await fill::closure_of(session_.connection(), std::move(roots)));
        std::vector<nix::StorePath> young;
        for (const auto& info : closure)
            if (info.ultimate && info.registration_time >= since) young.push_back(info.path);
        co_return young;
    }

    Task<Result<std::vector<nix::StorePath>>> built_since(std::chrono::sys_seconds since) {
        std::set<nix::StorePath> young;
        const auto& root = session_.endpoint().physical_root;
        CO_TRY(places, desktop::usual_places(root, session_.environment(), session_.settings().push_users));
        for (const auto& generation : desktop::find_generations(places)) {
            if (generation.made < since) continue;
            CO_TRY(built, co_await fill::built_for_generation(session_, session_.connection(), generation.path, since));
            for (auto& item : built.paths) young.insert(std::move(item.path));
        }
        if (session_.settings().push_scope == options::PushScope::all) {
            auto connect = [this] { return daemon::connect(session_.endpoint()); };
            desktop::StoreWatch watch(places.state, root.string() + std::string(nix::store_dir), std::move(connect));
            desktop::StorePosition position;
            position.registered = since.time_since_epoch().count();
            CO_TRY(built, co_await watch.poll(position));
            for (auto& item : built) young.insert(std::move(item.path));
        }
        std::vector<nix::StorePath> paths(young.begin(), young.end());
        auto rooted = paths;
        CO_TRY_VOID(co_await session_.connection().add_temp_roots(std::move(rooted)));
        co_return paths;
    }

    // What push() would do with them, by the same rules.
    Task<std::string> show_what_is_missing(std::vector<nix::StorePath> paths) {
        auto settings = fill::push_settings_from(session_.settings());
        settings.only_plan = true;
        settings.retry_later.budget = {};
        fill::Pusher::OnSettled nobody;
        auto ledger = co_await pusher_->push(std::move(paths), std::move(settings), std::move(nobody));
        note(ledger);
        std::size_t unknown = 0;
        std::string text, left_out;
        for (auto& push : report_.pushes) {
            unknown += push.outcome == event::PushOutcome::failed;
            if (push.planned)
                text +=
                    "  " + push.path + "  " + human_bytes(push.nar_size) + (*push.built_here ? "\n" : "  (fetched)\n");
            else
                left_out += "  " + push.path + ": " + push.reason + "\n";
            if (push.planned) push.reason = "dry run";
        }
        text = text.empty() ? "nothing to push\n" : "would push " + told() + text;
        if (!left_out.empty()) text += "would not push\n" + left_out;
        if (unknown > 0)
            add_failure(Failure(FailureKind::network, "of " + counted(unknown, "path") + " it cannot be told"));
        co_return text;
    }

    // What is there already is no news of a dry run.
    void note(const push::Ledger& ledger) {
        bool is_dry = session_.settings().dry_run || session_.settings().read_only;
        for (const auto& [path, record] : ledger) {
            if (is_dry && record.outcome == event::PushOutcome::already_there) continue;
            report_.pushes.push_back({.path = path.to_string(),
                                      .outcome = record.outcome,
                                      .built_by_this_run = false,
                                      .in_closure_only = record.in_closure_only,
                                      .while_building = false,
                                      .deduplicated = record.deduplicated,
                                      .planned = record.planned,
                                      .built_here = pusher_->was_built_here(path),
                                      .nar_size = record.nar_size,
                                      .file_size = record.file_size,
                                      .reason = record.reason});
        }
        std::sort(report_.pushes.begin(), report_.pushes.end(),
                  [](const auto& a, const auto& b) { return a.path < b.path; });
    }

    // "12 paths built here (1.2 MiB), 3 fetched ones (4 KiB)"
    std::string told() const {
        std::uint64_t here = 0, here_bytes = 0, fetched = 0, fetched_bytes = 0;
        for (const auto& push : report_.pushes) {
            bool counts = push.outcome == event::PushOutcome::published || push.planned;
            if (!counts) continue;
            (push.built_here.value_or(false) ? here : fetched) += 1;
            (push.built_here.value_or(false) ? here_bytes : fetched_bytes) += push.nar_size;
        }
        if (here + fetched == 0) return {};
        auto text = counted(here, "path") + " built here (" + human_bytes(here_bytes) + ")";
        if (fetched > 0) text += ", " + counted(fetched, "path") + " fetched (" + human_bytes(fetched_bytes) + ")";
        return text + "\n";
    }

    Task<void> push(std::vector<nix::StorePath> paths) {
        auto settings = fill::push_settings_from(session_.settings());
        auto lost = co_await pusher_->put_back_archives(paths, settings);
        if (!lost) {
            add_failure(std::move(lost).error());
            co_return;
        }
        is_pushing_ = true;
        fill::Pusher::OnSettled nobody;
        auto ledger = co_await pusher_->push(std::move(paths), std::move(settings), std::move(nobody));
        note(ledger);
        judge();
        tell_of_archives(*lost);
    }

    void tell_of_archives(const std::vector<presence::UnusableNar>& lost) {
        for (const auto& message : fill::describe_unusable(lost, pusher_->cache_uri()))
            report_.messages.push_back({.severity = message.severity, .text = message.text, .hint = message.hint});
        if (!lost.empty()) {
            report_.exit_code = static_cast<int>(options::ExitCode::not_in_cache);
            report_.causes.push_back(counted(lost.size(), "archive") + " could not be put back");
        }
        if (auto front = pusher_->front_memory()) {
            auto message = fill::describe_front(*front, pusher_->cache_uri());
            report_.messages.push_back({.severity = message.severity, .text = message.text, .hint = message.hint});
        }
    }

    void judge() {
        auto lost = report_.count(event::PushOutcome::failed) + report_.count(event::PushOutcome::withheld) +
                    report_.count(event::PushOutcome::not_pushed);
        if (lost > 0) {
            report_.exit_code = static_cast<int>(options::ExitCode::not_in_cache);
            report_.causes.push_back(counted(lost, "path") + " could not be put into the cache");
        }
    }

    void tell_of_interruption() {
        report_.exit_code = 128 + interrupted_;
        report_.causes.push_back("interrupted before it was done");
        if (!report_.pushes.empty()) return;
        for (const auto& path : paths_)
            report_.pushes.push_back({.path = path.to_string(), .reason = "interrupted before it was looked at"});
    }

    session::Session& session_;
    async::Clock::TimePoint start_ = session_.clock().now();
    async::TaskGroup work_;
    std::vector<nix::StorePath> paths_; // what was named, then what was chosen
    std::optional<fill::Pusher> pusher_;
    bool is_pushing_ = false;
    int interrupted_ = 0; // by this signal
    report::RunReport report_;
};

} // namespace

Task<int> push_command(CommandContext& context) {
    const auto& settings = context.session.settings();
    if (settings.push_status) co_return co_await push_status(context);
    if (settings.watch) co_return co_await push_watch(context);
    Push push(context.session);
    co_return co_await push.execute(context);
}

} // namespace cachefill::app
