#include "app/command_line.hpp"
#include "app/commands/commands.hpp"
#include "app/exit_code.hpp"
#include "app/presence.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "push/pipeline.hpp"

#include <csignal>
#include <iostream>
#include <set>

namespace cachefill::app {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto upload_grace = 4500ms;
constexpr const char* running_system = "/run/current-system";

// Symlinks (result, profiles) are followed to the store path they lead to.
Result<nix::StorePath> resolve(const std::string& text) {
    if (auto inside = nix::StorePath::parse_inside(text)) return inside->first;
    std::error_code error;
    auto path = std::filesystem::canonical(text, error);
    if (error) return Failure(FailureKind::usage, "there is nothing at '" + sanitize(text) + "': " + error.message());
    auto inside = nix::StorePath::parse_inside(path.string());
    if (!inside)
        return Failure(FailureKind::usage, "'" + sanitize(text) + "' does not lead into " + std::string(nix::store_dir))
            .with_hint("give a store path, or a symlink such as ./result");
    return inside->first;
}

Result<std::vector<nix::StorePath>> paths_from(std::vector<std::string> texts) {
    if (texts == std::vector<std::string>{"-"}) {
        texts.clear();
        for (std::string line; std::getline(std::cin, line);)
            if (auto word = trim(line); !word.empty()) texts.emplace_back(word);
    } else if (texts.empty()) {
        texts.emplace_back(running_system);
    }
    std::set<nix::StorePath> unique;
    for (const auto& text : texts) {
        TRY(path, resolve(text));
        unique.insert(path);
    }
    return std::vector<nix::StorePath>(unique.begin(), unique.end());
}

// Pushes some paths; everything a push needs that a whole run has, too, in its simplest form.
class Push {
  public:
    explicit Push(Session& session)
        : session_(session), presence_(session.executor(), graph_, facts_, session.sink()) {}

    Task<int> execute(CommandContext& context) {
        auto start = std::chrono::steady_clock::now();
        report_.command = "push";
        report_.version = version;
        const auto& settings = session_.settings();
        auto paths = paths_from(settings.arguments);
        if (!paths) co_return stop(context, std::move(paths).error());
        auto need = settings.dry_run ? Session::Need::reading : Session::Need::writing;
        auto findings = co_await session_.preflight(need, true);
        if (!findings.empty()) {
            for (auto& finding : findings) add_failure(std::move(finding));
            co_return context.console.close_with(report_);
        }
        auto backend = session_.take_cache();
        auto url = backend->uri().to_string();
        presence_.add(std::move(backend), std::move(url), session_.cache_keys(), session_.cache_info());
        if (session_.cache_keys().empty()) presence_.source(plan::own_cache).any_signature = true;
        report_.cache = session_.cache_info().name;
        report_.nix_version = session_.nix().nix_version;
        for (const auto& text : settings.upstreams) {
            auto uri = cache::CacheUri::parse(text);
            if (!uri) co_return stop(context, std::move(uri).error());
            presence_.add(session_.make_upstream(*uri), uri->to_string(), session_.cache_keys(), {});
        }
        auto checked = co_await check_valid(*paths);
        if (!checked) co_return stop(context, std::move(checked).error());
        if (settings.dry_run) co_return co_await show_what_is_missing(context, std::move(*paths));
        co_await push(context, std::move(*paths));
        report_.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
        co_return context.console.close_with(report_);
    }

  private:
    void add_failure(Failure failure) {
        auto code = failure.kind() == FailureKind::usage ? ExitCode::usage : ExitCode::machine;
        if (report_.exit_code != static_cast<int>(ExitCode::usage)) report_.exit_code = static_cast<int>(code);
        report_.causes.push_back(failure.one_line());
        report_.messages.push_back(
            {.severity = event::Severity::error, .text = failure.one_line(), .hint = failure.hint()});
    }

    int stop(CommandContext& context, Failure failure) {
        add_failure(std::move(failure));
        return context.console.close_with(report_);
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

    Task<Result<std::vector<std::optional<nix::PathInfo>>>> path_infos(std::vector<nix::StorePath> paths) {
        co_return co_await session_.connection().query_path_infos(std::move(paths));
    }

    Task<Result<bool>> is_served(nix::StorePath path) {
        co_return co_await presence_.is_served(std::move(path), plan::all_caches);
    }

    Task<int> show_what_is_missing(CommandContext& context, std::vector<nix::StorePath> open) {
        std::set<nix::StorePath> seen(open.begin(), open.end());
        while (!open.empty()) {
            auto asked = std::move(open);
            open.clear();
            auto infos = co_await path_infos(std::move(asked));
            if (!infos) co_return stop(context, std::move(infos).error());
            for (auto& info : *infos) {
                if (!info) continue;
                auto served = co_await is_served(info->path);
                if (!served) co_return stop(context, std::move(served).error());
                if (*served) continue;
                report::PushReport push;
                push.path = info->path.to_string();
                push.nar_size = info->nar_size;
                push.reason = "dry run";
                report_.pushes.push_back(std::move(push));
                for (const auto& reference : info->references)
                    if (seen.insert(reference).second) open.push_back(reference);
            }
        }
        std::string text = "would push " + counted(report_.pushes.size(), "path") + "\n";
        for (const auto& push : report_.pushes) text += "  " + push.path + "  " + human_bytes(push.nar_size) + "\n";
        co_return context.console.close_with(report_, text);
    }

    Task<void> push(CommandContext& context, std::vector<nix::StorePath> paths) {
        const auto& settings = session_.settings();
        push::PushSettings push;
        push.uploads = settings.uploads;
        push.memory_budget = settings.memory;
        push.compression = session_.cache_info().preferred_compression;
        push.compression_level = settings.compression_level;
        push.exclude = settings.exclude_push;
        push.push_foreign = settings.push_foreign;
        push.size_budget = settings.size_budget;
        push::PushEnvironment environment;
        environment.physical = [this](const nix::StorePath& path) { return session_.endpoint().physical(path); };
        environment.is_served = [this](nix::StorePath path) { return is_served(std::move(path)); };
        environment.path_infos = [this](std::vector<nix::StorePath> asked) { return path_infos(std::move(asked)); };
        environment.on_settled = [](const nix::StorePath&, event::PushOutcome) {};
        environment.is_building = [] { return false; };
        for (const auto& source : presence_.sources())
            for (const auto& key : source.keys) environment.known_keys.push_back(key);
        for (const auto& text : session_.nix().trusted_public_keys)
            if (auto key = nix::PublicKey::parse(text)) environment.known_keys.push_back(*key);
        auto pipeline =
            push::make_pipeline(session_.executor(), *presence_.source(plan::own_cache).backend, session_.workers(),
                                std::move(push), std::move(environment), session_.sink());
        int interrupted = 0;
        context.on_signal = [&pipeline, &interrupted](int signal) {
            interrupted = signal;
            pipeline->stop(upload_grace);
        };
        for (auto& path : paths) pipeline->add(std::move(path), false);
        pipeline->close();
        co_await pipeline->run();
        context.on_signal = {};
        for (const auto& [path, record] : pipeline->ledger())
            report_.pushes.push_back({.path = path.to_string(),
                                      .outcome = record.outcome,
                                      .built_by_this_run = false,
                                      .in_closure_only = record.in_closure_only,
                                      .while_building = false,
                                      .nar_size = record.nar_size,
                                      .file_size = record.file_size,
                                      .reason = record.reason});
        judge(interrupted);
    }

    void judge(int interrupted) {
        auto lost = report_.count(event::PushOutcome::failed) + report_.count(event::PushOutcome::withheld) +
                    report_.count(event::PushOutcome::not_pushed);
        if (lost > 0) {
            report_.exit_code = static_cast<int>(ExitCode::not_in_cache);
            report_.causes.push_back(counted(lost, "path") + " could not be put into the cache");
        }
        if (interrupted) {
            report_.exit_code = 128 + interrupted;
            report_.causes.push_back("interrupted before it was done");
        }
    }

    Session& session_;
    plan::Graph graph_;
    plan::Facts facts_;
    Presence presence_;
    report::RunReport report_;
};

} // namespace

Task<int> push_command(CommandContext& context) {
    Push push(context.session);
    co_return co_await push.execute(context);
}

} // namespace cachefill::app
