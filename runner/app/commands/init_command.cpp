#include "app/commands/commands.hpp"
#include "app/terminal_asker.hpp"
#include "app/voice.hpp"
#include "base/files.hpp"
#include "base/own_place.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "cache/new_file.hpp"
#include "cache/secret_parameters.hpp"
#include "init/init_facts.hpp"
#include "init/init_plan.hpp"
#include "init/init_questions.hpp"
#include "init/line_diff.hpp"
#include "options/exit_code.hpp"

#include <cstdio>

namespace cachefill::app {

using async::Task;
namespace fs = std::filesystem;

namespace {

// Nobody's work is ever replaced, not even what came into being a moment ago.
Result<void> create(const fs::path& path, const std::string& content) {
    TRY_VOID(cachefill::create_directories(path.parent_path()));
    TRY(created, cache::create_new_file(path, content));
    if (created) return {};
    return Failure(FailureKind::machine, path.string() + " has come into being meanwhile; it stays as it is");
}

// What the files of a repository say goes to a terminal.
void show(const std::string& diff) { say("\n" + sanitize(diff)); }

// What init writes is committed, for everybody to read.
Result<std::string> committable(const GivenUrl& cache) {
    std::string text(cache.reveal());
    if (cache.empty()) return text;
    TRY(uri, cache::CacheUri::parse(text));
    auto has_login = [](const Secret& url) { return redact_url(url.reveal()) != url.reveal(); };
    // A query, too, may hold what no parameter of caches does.
    bool is_plain = !has_login(uri.base) && !has_login(uri.push_base) && cache::secret_parameters(text).empty();
    if (is_plain) return text;
    if (uri.scheme != cache::Scheme::http)
        return Failure(FailureKind::usage, "the address of the cache has a part that may be a secret, and what init "
                                           "writes is there for everybody to read")
            .with_hint("name it without: cachefill init --cache " + shell_word(uri.to_string()) + "; " +
                       (uri.scheme == cache::Scheme::s3
                            ? "keys of a bucket belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                            : "a token belongs into a secret of the repository, which the workflow hands to the step"));
    return Failure(FailureKind::usage, "the URL of the cache has a password or a token in it, and what init writes is "
                                       "there for everybody to read")
        .with_hint("name it without: cachefill init --cache " + shell_word(uri.to_string()) +
                   "; the whole URL belongs into a secret of the repository, which the workflow hands to the step as "
                   "CACHEFILL_CACHE, or the password into a netrc file");
}

// The cache that a workflow here fills already.
void find_cache(init::InitFacts& facts) {
    for (const auto& workflow : facts.repository.workflows)
        for (const auto& name : workflow.caches) {
            auto cache = committable(GivenUrl(name));
            if (!facts.cache.empty() || !cache) continue;
            facts.cache = std::move(*cache);
            facts.cache_origin = ".github/workflows/" + workflow.file;
        }
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
    find_cache(facts);
    facts.runners = settings.runners;
    facts.shards = settings.shards;
    auto action = co_await init::pin_action(settings.action, session.environment());
    if (!action) co_return std::move(action).error();
    facts.action = std::move(*action);
    if (!settings.quiet) std::fputs("looking at the flake's hosts\n", stderr);
    auto looked = co_await init::look_at_flake(session, facts);
    if (!looked) co_return std::move(looked).error();
    co_return facts;
}

// Shows what would be written; which of the files that is. What is there already stays.
std::vector<init::InitFile> missing_files(const init::InitFacts& facts, const init::InitPlan& plan) {
    std::vector<init::InitFile> missing;
    for (const auto& file : plan.files) {
        auto path = facts.repository.root / file.path;
        std::error_code ignored;
        if (fs::symlink_status(path, ignored).type() == fs::file_type::not_found) {
            show(init::unified_diff(file.path.string(), "", file.content));
            missing.push_back(file);
            continue;
        }
        auto there = read_work_tree_file(path, facts.repository.root, 1 << 16);
        auto diff = init::unified_diff(file.path.string(), there ? *there : "", file.content);
        if (diff.empty()) {
            say("\n" + file.path.string() + " is there as it would be written\n");
            continue;
        }
        say("\n" + file.path.string() + " is there already and stays as it is; otherwise it would become:\n");
        show(diff);
    }
    return missing;
}

void describe(const init::InitFacts& facts) {
    for (const auto& host : facts.hosts)
        say("  " + sanitize(host.name) + "  " + sanitize(host.system) + (host.guess.empty() ? "\n" : " (a guess)\n"));
    std::map<std::string, std::size_t> outputs;
    for (const auto& output : facts.outputs) ++outputs[output.output + " for " + output.system];
    for (const auto& [what, count] : outputs) say("  " + sanitize(what) + ": " + std::to_string(count) + "\n");
}

Failure nobody_there() {
    return Failure(FailureKind::usage, "nothing was written: nobody said yes")
        .with_hint("--yes takes the defaults without asking");
}

// Asks where there is somebody to ask, else takes the defaults.
Task<Result<init::Answers>> decide(const init::InitFacts& facts, init::Asker* asker) {
    auto answers = default_answers(facts);
    if (asker == nullptr) co_return answers;
    say("\nEnter takes what stands in brackets.\n");
    auto given = co_await ask_answers(facts, std::move(answers), *asker);
    if (!given) co_return nobody_there();
    CO_TRY_VOID(committable(GivenUrl(given->cache)));
    co_return std::move(*given);
}

// Writes what is missing, if that is wanted.
Task<Result<void>> write_files(const init::InitFacts& facts, const init::InitPlan& plan,
                               const options::Settings& settings, init::Asker* asker) {
    for (const auto& file : plan.files)
        if (!is_in_work_tree((facts.repository.root / file.path).parent_path(), facts.repository.root))
            co_return Failure(FailureKind::usage, file.path.parent_path().string() +
                                                      " is a link out of the repository, so nothing is written there")
                .with_hint("put a folder in its place");
    auto files = missing_files(facts, plan);
    if (!plan.notes.empty()) say("\n");
    for (const auto& note : plan.notes) say("note: " + note + "\n");
    if (files.empty()) co_return Result<void>();
    if (!settings.dry_run && !settings.yes) {
        say("\n");
        auto agreed = std::optional<bool>();
        if (asker != nullptr) agreed = co_await ask_yes(*asker, "Write " + counted(files.size(), "file") + "?", true);
        if (!agreed) co_return nobody_there();
        if (!*agreed) {
            say("nothing was written\n");
            co_return Result<void>();
        }
    }
    for (const auto& file : files) {
        if (settings.dry_run) continue;
        CO_TRY_VOID(create(facts.repository.root / file.path, file.content));
        say("wrote " + file.path.string() + "\n");
    }
    say("\nnext:\n");
    for (const auto& step : plan.steps) say("  - " + step + "\n");
    co_return Result<void>();
}

} // namespace

Task<int> init_command(CommandContext& context) {
    const auto& settings = context.session.settings();
    auto failed = [&](const Failure& failure) {
        std::fflush(stdout);
        context.console.print_error(failure);
        return static_cast<int>(failure.kind() == FailureKind::usage  ? options::ExitCode::usage
                                : failure.kind() == FailureKind::eval ? options::ExitCode::failed
                                                                      : options::ExitCode::machine);
    };
    auto facts = co_await gather(context);
    if (!facts) co_return failed(facts.error());
    describe(*facts);
    auto terminal = settings.yes ? std::nullopt : TerminalAsker::find(context.session.executor());
    auto* asker = terminal ? &*terminal : nullptr;
    auto answers = co_await decide(*facts, asker);
    if (!answers) co_return failed(answers.error());
    auto plan = plan_init(*facts, *answers);
    if (!plan) co_return failed(plan.error());
    auto written = co_await write_files(*facts, *plan, settings, asker);
    if (!written) co_return failed(written.error());
    co_return static_cast<int>(options::ExitCode::complete);
}

} // namespace cachefill::app
