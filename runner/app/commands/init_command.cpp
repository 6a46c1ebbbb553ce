#include "app/commands/commands.hpp"
#include "base/files.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "cache/binary_cache.hpp"
#include "cache/new_file.hpp"
#include "init/init_facts.hpp"
#include "init/init_plan.hpp"
#include "options/exit_code.hpp"

#include <cstdio>

namespace cachefill::app {

using async::Task;
namespace fs = std::filesystem;

namespace {

void say(const std::string& text) { std::fputs(text.c_str(), stdout); }

// Nobody's work is ever replaced, not even what came into being a moment ago.
Result<void> create(const fs::path& path, const std::string& content) {
    TRY_VOID(cachefill::create_directories(path.parent_path()));
    TRY(created, cache::create_new_file(path, content));
    if (created) return {};
    return Failure(FailureKind::machine, path.string() + " has come into being meanwhile; it stays as it is");
}

std::string indented(const std::string& text) {
    std::string result;
    for (auto line : split(text, '\n'))
        if (!line.empty() || !result.ends_with("\n\n"))
            result += (line.empty() ? "" : "    ") + std::string(line) + "\n";
    return result;
}

// What init writes is committed, for everybody to read.
Result<std::string> committable(const GivenUrl& cache) {
    std::string text(cache.reveal());
    if (cache.empty()) return text;
    TRY(uri, cache::CacheUri::parse(text));
    auto has_login = [](const Secret& url) { return redact_url(url.reveal()) != url.reveal(); };
    if (!has_login(uri.base) && !has_login(uri.push_base)) return text;
    return Failure(FailureKind::usage,
                   "the URL of the cache has a password in it, and what init writes is there for everybody to read")
        .with_hint("name it without: cachefill init --cache " + shell_word(uri.to_string()) +
                   "; the whole URL belongs into a secret of the repository, which the workflow hands to the step as "
                   "CACHEFILL_CACHE, or the password into a netrc file");
}

Task<Result<init::InitFacts>> gather(CommandContext& context) {
    auto& session = context.session;
    const auto& settings = session.settings();
    init::InitFacts facts;
    auto repository = co_await init::look_at_repository(settings.flake, session.environment());
    if (!repository) co_return std::move(repository).error();
    facts.repository = std::move(*repository);
    CO_TRY(cache, committable(settings.cache));
    facts.cache = std::move(cache);
    facts.runners = settings.runners;
    if (facts.cache.empty() && !facts.repository.cachix_names.empty()) {
        facts.cache = facts.repository.cachix_names.front();
        facts.cache_origin = ".github/workflows/" + facts.repository.workflows.front();
    }
    auto action = co_await init::pin_action(settings.action, session.environment());
    if (!action) co_return std::move(action).error();
    facts.action = std::move(*action);
    if (!settings.quiet) std::fputs("looking at the flake's hosts\n", stderr);
    auto hosts = co_await init::look_at_hosts(session);
    if (!hosts) co_return std::move(hosts).error();
    facts.hosts = std::move(*hosts);
    co_return facts;
}

} // namespace

Task<int> init_command(CommandContext& context) {
    const auto& settings = context.session.settings();
    auto failed = [&](const Failure& failure) {
        context.console.print_error(failure);
        return static_cast<int>(failure.kind() == FailureKind::usage  ? options::ExitCode::usage
                                : failure.kind() == FailureKind::eval ? options::ExitCode::failed
                                                                      : options::ExitCode::machine);
    };
    auto facts = co_await gather(context);
    if (!facts) co_return failed(facts.error());
    auto plan = plan_init(*facts);
    if (!plan) co_return failed(plan.error());
    for (const auto& host : facts->hosts)
        say("  " + host.name + "  " + host.system + (host.guess.empty() ? "\n" : " (a guess)\n"));
    say("\n");
    std::size_t written = 0;
    for (const auto& file : plan->files) {
        auto path = facts->repository.root / file.path;
        std::error_code ignored;
        if (fs::symlink_status(path, ignored).type() != fs::file_type::not_found) {
            auto there = read_file(path, 1 << 20);
            say(file.path.string() + (there && *there == file.content ? " is there as it would be written\n"
                                                                      : " is there already and stays as it is\n"));
            continue;
        }
        say((settings.dry_run ? "would write " : "writing ") + file.path.string() +
            (settings.verbose || settings.dry_run ? ":\n" + indented(file.content) : "\n"));
        if (settings.dry_run) continue;
        if (auto result = create(path, file.content); !result) co_return failed(result.error());
        ++written;
    }
    if (!plan->notes.empty()) say("\n");
    for (const auto& note : plan->notes) say("note: " + note + "\n");
    if (written > 0 || settings.dry_run) {
        say("\nnext:\n");
        for (const auto& step : plan->steps) say("  - " + step + "\n");
    }
    co_return static_cast<int>(options::ExitCode::complete);
}

} // namespace cachefill::app
