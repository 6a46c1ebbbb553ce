#include "init/init_facts.hpp"

#include "async/git.hpp"
#include "async/limiter.hpp"
#include "async/together.hpp"
#include "base/foreign_text.hpp"
#include "base/own_place.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "eval/host_system.hpp"
#include "init/init_templates.hpp"
#include "options/command_line.hpp"

#include <algorithm>
#include <thread>

namespace cachefill::init {

using async::Task;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

// What git prints, without the last newline; empty when it has nothing to say.
Task<std::string> told_by(async::ProcessSpec spec) {
    auto run = co_await async::run_process(std::move(spec), 60s, 1 << 20);
    if (!run || !run->status.success()) co_return std::string();
    co_return std::string(trim(run->output));
}

Task<std::string> git(fs::path directory, std::vector<std::string> arguments, const Environment& environment) {
    auto spec = async::git_process(directory, std::move(arguments), environment);
    co_return co_await told_by(std::move(spec));
}

bool is_hexadecimal_commit(const std::string& text) {
    return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void look_at_workflows(RepositoryFacts& facts) {
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::directory_iterator it(facts.root / ".github/workflows", error), end; !error && it != end;
         it.increment(error))
        if (it->path().extension() == ".yml" || it->path().extension() == ".yaml") files.push_back(it->path());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        auto text = read_work_tree_file(file, facts.root, 1 << 20);
        if (!text || file.filename().string().starts_with("cachefill")) continue; // init wrote these
        if (auto workflow = read_workflow(shown_name(file.filename().string()), *text))
            facts.workflows.push_back(std::move(*workflow));
    }
    auto garnix = read_work_tree_file(facts.root / "garnix.yaml", facts.root, 1 << 20);
    if (garnix) facts.garnix = read_garnix(*garnix);
}

// What evaluation says on its way is of no use here; what went wrong comes back as the result.
eval::NixHooks silent_hooks() {
    return {.on_message = [](event::Severity, const std::string&) {}, .on_start = [](int) {}};
}

struct Asking {
    const eval::EvalSettings& settings;
    const eval::OpenedFlake& flake;
    async::Limiter& limiter;
};

Task<void> ask_for_system(Asking& asking, eval::TargetRef host, HostFacts& facts) {
    auto slot = co_await asking.limiter.acquire();
    auto hooks = silent_hooks();
    auto outline = co_await eval::outline_of_host(asking.settings, asking.flake, host, hooks);
    if (outline) {
        facts.system = shown_name(outline->system);
        facts.caches = std::move(outline->caches);
        co_return;
    }
    facts.system = host.kind == eval::TargetKind::darwin ? "aarch64-darwin" : "x86_64-linux";
    const auto& why = outline.error().cause();
    facts.guess = ellipsize(sanitize(std::string_view(why).substr(0, why.find('\n'))), 200);
}

// What git says last is the reason.
Failure not_asked(const std::string& url, const std::string& said, const std::string& repository) {
    auto text = sanitize(redact_url(trim(said)));
    auto last = ellipsize(text.substr(text.rfind('\n') + 1), 200);
    return Failure(FailureKind::network, "git could not ask " + url + (last.empty() ? "" : ": " + last))
        .with_hint("once it can be reached, the same again; or --action " + repository +
                   "@COMMIT names the commit to use, and nobody is asked");
}

} // namespace

Task<Result<RepositoryFacts>> look_at_repository(const std::string& flake, const Environment& environment) {
    RepositoryFacts facts;
    std::error_code error;
    auto directory = fs::canonical(flake.empty() ? "." : flake, error);
    if (error || !fs::is_directory(directory, error))
        co_return Failure(FailureKind::usage, "'" + sanitize(redact_url(flake)) + "' is no directory")
            .with_hint("init writes files, so it needs the flake's own work tree");
    if (!async::find_program("git", environment))
        co_return Failure(FailureKind::machine, "git is not there").with_hint("install git");
    const std::vector<std::string> top{"rev-parse", "--show-toplevel"};
    auto root = co_await git(directory, top, environment);
    if (root.empty())
        co_return Failure(FailureKind::usage, directory.string() + " lies in no git repository")
            .with_hint("a workflow needs one: git init");
    facts.root = root;
    facts.is_current_directory = fs::equivalent(facts.root, fs::current_path(error), error);
    auto below = directory.lexically_relative(fs::canonical(facts.root, error));
    if (below != ".") facts.flake_subdirectory = below.string();
    if (auto shown = shown_name(facts.flake_subdirectory); shown != facts.flake_subdirectory)
        co_return Failure(FailureKind::usage, "the folder '" + shown + "' has characters in its name that are no text")
            .with_hint("give it another name: init writes it into the workflow");
    const std::vector<std::string> head{"symbolic-ref", "--quiet", "--short", "HEAD"};
    facts.current_branch = co_await git(directory, head, environment);
    const std::vector<std::string> remote{"symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"};
    auto remote_head = co_await git(directory, remote, environment);
    if (remote_head.starts_with("origin/")) facts.default_branch = remote_head.substr(7);
    const std::vector<std::string> references{"for-each-ref", "--format=%(refname)", "refs/heads",
                                              "refs/remotes/origin"};
    auto list = co_await git(directory, references, environment);
    for (auto line : split(list, '\n')) {
        for (std::string_view prefix : {"refs/heads/", "refs/remotes/origin/"})
            if (line.starts_with(prefix) && !line.ends_with("/HEAD"))
                facts.branches.emplace_back(line.substr(prefix.size()));
    }
    look_at_workflows(facts);
    for (const auto& place : {fs::path(facts.flake_subdirectory) / "cachefill.yml",
                              fs::path(facts.flake_subdirectory) / ".github/cachefill.yml"})
        if (facts.configuration.empty() && fs::exists(facts.root / place, error)) facts.configuration = place.string();
    co_return facts;
}

Task<Result<void>> look_at_flake(session::Session& session, InitFacts& facts) {
    auto learnt = co_await session.learn_nix();
    if (!learnt) co_return std::move(learnt).error();
    auto eval_settings = session.eval_settings(session.settings().flake);
    eval_settings.import_from_derivation = false; // looking builds nothing
    auto hooks = silent_hooks();
    std::optional<event::Position> position;
    auto flake = co_await eval::read_flake(eval_settings, hooks, position);
    if (!flake) co_return std::move(flake).error();
    CO_TRY_VOID(co_await eval::fetch_inputs(eval_settings, *flake, hooks, position));
    using Kind = eval::TargetKind;
    std::vector<Kind> kinds{Kind::nixos, Kind::darwin, Kind::home, Kind::package, Kind::check, Kind::dev_shell};
    auto listings = co_await eval::list_targets(eval_settings, *flake, kinds, hooks);
    if (!listings) co_return std::move(listings).error();
    std::vector<eval::TargetRef> hosts;
    for (auto& listing : *listings) {
        bool are_hosts = listing.kind == Kind::nixos || listing.kind == Kind::darwin || listing.kind == Kind::home;
        if (are_hosts && listing.failure) co_return std::move(*listing.failure); // of others none is as good as one
        for (auto& target : listing.targets) {
            const auto& path = target.attribute_path;
            if (are_hosts)
                hosts.push_back(std::move(target));
            else if (path.size() == 3)
                facts.outputs.push_back(
                    {.output = shown_name(path[0]), .system = shown_name(path[1]), .name = shown_name(path[2])});
        }
    }
    for (const auto& host : hosts)
        facts.hosts.push_back({.name = host.display(), .system = {}, .guess = {}, .caches = {}});
    async::Limiter limiter(session.executor(), std::max(1U, std::thread::hardware_concurrency() / 2));
    Asking asking{.settings = eval_settings, .flake = *flake, .limiter = limiter};
    auto ask_all = [&](async::TaskGroup& group) {
        for (std::size_t i = 0; i < hosts.size(); ++i) group.spawn(ask_for_system(asking, hosts[i], facts.hosts[i]));
    };
    co_await async::together(ask_all);
    co_return Result<void>();
}

Task<Result<PinnedAction>> pin_action(const std::string& given, const Environment& environment) {
    std::string text = given.empty() ? std::string(source_repository) : given;
    if (text.empty())
        co_return Failure(FailureKind::usage,
                          "the workflow uses cachefill's action, and this build does not know in which repository "
                          "that is")
            .with_hint("name it with --action OWNER/cachefill (its release of this version, else its newest commit, is "
                       "written as a commit), or with --action OWNER/cachefill@COMMIT");
    auto parsed = parse_action(text);
    if (!parsed) co_return std::move(parsed).error();
    auto [repository, reference] = *parsed;
    PinnedAction action{.repository = repository, .commit = {}, .version = {}};
    if (is_hexadecimal_commit(reference)) {
        action.commit = reference;
        co_return action;
    }
    action.version = reference.empty() ? "v" + std::string(version) : reference;
    std::string head;
    // The commit that holds the table of checksums is made after the program, so only the tag knows it.
    auto url = environment.get_or("GITHUB_SERVER_URL", "https://github.com") + "/" + repository;
    std::vector<std::string> question{"ls-remote", "--exit-code", url, "refs/tags/" + action.version,
                                      "refs/tags/" + action.version + "^{}"};
    // Where nothing is released yet, the newest commit: the action builds its program from it.
    if (reference.empty()) question.push_back("HEAD");
    auto asking = async::git_to_remote(std::move(question), environment);
    auto run = co_await async::run_process(std::move(asking), 60s, 1 << 20);
    constexpr int nothing_matches = 2; // git's own code for it, with --exit-code
    bool was_asked = run && (run->status.success() || run->status.code == nothing_matches);
    if (!was_asked) co_return not_asked(url, run ? run->error : run.error().one_line(), repository);
    auto answer = std::string(trim(run->output));
    for (auto line : split(answer, '\n')) { // HEAD comes first; of a tag the peeled one comes last and wins
        auto commit = std::string(line.substr(0, line.find('\t')));
        if (!is_hexadecimal_commit(commit)) continue;
        action.commit = commit;
        if (line.ends_with("\tHEAD")) head = commit;
    }
    if (!head.empty() && action.commit == head) action.version.clear();
    if (action.commit.empty())
        co_return Failure(FailureKind::network, "git finds no tag " + action.version + " at " + url)
            .with_hint("--action " + repository + "@COMMIT names the commit to use");
    co_return action;
}

} // namespace cachefill::init
