#include "doctor/git_state.hpp"

#include "async/git.hpp"
#include "base/text.hpp"
#include "github/repository.hpp"
#include "nix/flake_url.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace cachefill::doctor {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr auto local_patience = 20s;
constexpr auto remote_patience = 10s;

struct Git {
    std::filesystem::path directory;
    Environment environment;

    // Its output without the last newline; empty if git says no.
    Task<std::optional<std::string>> ask(std::vector<std::string> arguments,
                                         std::chrono::steady_clock::duration patience = local_patience) const {
        auto spec = async::git_process(directory, std::move(arguments), environment);
        co_return co_await run(std::move(spec), patience);
    }
    // Without the programs of whoever filled the folder.
    Task<std::optional<std::string>> ask_unfiltered(std::vector<std::string> arguments) const {
        auto spec = async::git_process(directory, std::move(arguments), environment);
        std::vector<std::string> here{"-C", directory.string()};
        auto guarded = co_await async::without_programs(spec.environment, std::move(here), local_patience);
        if (!guarded) co_return std::nullopt;
        spec.environment = std::move(*guarded);
        co_return co_await run(std::move(spec), local_patience);
    }
    Task<std::optional<std::string>> ask_remote(std::vector<std::string> arguments) const {
        auto spec = async::git_to_remote(std::move(arguments), environment);
        co_return co_await run(std::move(spec), remote_patience);
    }

  private:
    static Task<std::optional<std::string>> run(async::ProcessSpec spec, std::chrono::steady_clock::duration patience) {
        spec.environment.set("GIT_OPTIONAL_LOCKS", "0");
        spec.environment.set("LC_ALL", "C");
        auto answer = co_await async::run_process(std::move(spec), patience);
        if (!answer || !answer->status.success()) co_return std::nullopt;
        auto text = std::move(answer->output);
        while (text.ends_with('\n')) text.pop_back();
        co_return text;
    }
};

// What a repository calls something stands where git reads options, too.
bool is_no_option(std::string_view name) { return !name.empty() && name.front() != '-'; }

// Where git would go for the remote; a folder's path as seen from anywhere.
Task<std::string> address_of_remote(const Git& git, const GitState& state) {
    std::vector<std::string> question{"remote", "get-url", state.remote};
    auto url = (co_await git.ask(std::move(question))).value_or("");
    bool is_path = !url.empty() && url.find(':') == std::string::npos;
    co_return is_path ? (state.root / url).lexically_normal().string() : url;
}

Task<void> find_remote(const Git& git, GitState& state) {
    std::vector<std::string> question{"config", "branch." + state.branch + ".remote"};
    std::optional<std::string> configured;
    if (!state.branch.empty()) configured = co_await git.ask(std::move(question));
    std::vector<std::string> list{"remote"};
    auto all = co_await git.ask(std::move(list));
    auto words = all ? split_words(*all) : std::vector<std::string_view>();
    std::erase_if(words, [](std::string_view name) { return !is_no_option(name); });
    if (words.empty()) co_return;
    state.remote = words.front();
    if (std::find(words.begin(), words.end(), "origin") != words.end()) state.remote = "origin";
    if (configured && std::find(words.begin(), words.end(), *configured) != words.end()) state.remote = *configured;
    // As written if that names a repository; else as git rewrites it (url.*.insteadOf), where abbreviations are spelt
    // out. "gh:owner/name" looks like a host, too, which has a dot in its name where it is one.
    std::vector<std::string> written{"config", "remote." + state.remote + ".url"};
    state.remote_url = (co_await git.ask(std::move(written))).value_or("");
    auto repository = github::parse_remote(state.remote_url);
    if (repository && repository->host.find('.') != std::string::npos) co_return;
    std::vector<std::string> rewritten{"remote", "get-url", state.remote};
    auto url = co_await git.ask(std::move(rewritten));
    state.remote_url = url.value_or("");
}

Task<void> find_out_what_is_pushed(const Git& git, GitState& state) {
    if (state.remote.empty() || state.commit.empty()) co_return;
    std::vector<std::string> known{"for-each-ref", "--contains", state.commit, "--format=%(refname)",
                                   "refs/remotes/" + state.remote};
    auto containing = co_await git.ask(std::move(known));
    state.pushed = containing && !containing->empty();
    if (!state.pushed) {
        auto address = co_await address_of_remote(git, state);
        std::vector<std::string> heads{"ls-remote", "--heads", "--", address};
        auto there = co_await git.ask_remote(std::move(heads));
        state.pushed = there && there->find(state.commit) != std::string::npos;
    }
    if (state.pushed || state.branch.empty()) co_return;
    auto lock = (std::filesystem::path(state.subdirectory) / "flake.lock").string();
    // A branch may have another name there.
    std::vector<std::string> upstream{"rev-parse", "--symbolic-full-name",
                                      "refs/heads/" + state.branch + "@{upstream}"};
    auto configured = co_await git.ask(std::move(upstream));
    bool has_upstream = configured && configured->starts_with("refs/");
    auto theirs = has_upstream ? *configured : "refs/remotes/" + state.remote + "/" + state.branch;
    std::vector<std::string> difference{"diff", "--quiet", "--no-ext-diff", "--no-textconv", theirs, state.commit,
                                        "--",   lock};
    std::vector<std::string> is_there{"rev-parse", "--verify", "-q", theirs};
    auto has_branch = co_await git.ask(std::move(is_there));
    auto same = co_await git.ask(std::move(difference));
    state.lock_unpushed = has_branch.has_value() && !same.has_value();
}

Task<void> find_changes(const Git& git, GitState& state) {
    std::vector<std::string> question{"status", "--porcelain=v1", "-z", "--untracked-files=normal", "--no-renames"};
    auto status = co_await git.ask_unfiltered(std::move(question));
    if (!status) co_return;
    auto lock = (std::filesystem::path(state.subdirectory) / "flake.lock").string();
    for (auto entry : split(*status, '\0')) {
        if (entry.size() < 4) continue;
        auto file = std::string(entry.substr(3));
        if (entry.starts_with("??")) {
            state.untracked.push_back(file);
            continue;
        }
        if (file == lock) state.lock_changed = true;
        state.changed.push_back(std::move(file));
    }
}

} // namespace

std::string GitState::flake_at(const std::string& revision) const {
    const std::array<std::pair<std::string, std::string>, 2> parameters{{{"rev", revision}, {"dir", subdirectory}}};
    return nix::git_file_url(root.string(), parameters);
}

Task<Result<std::optional<GitState>>> read_git_state(std::filesystem::path directory, Environment environment) {
    Git git{.directory = std::move(directory), .environment = std::move(environment)};
    GitState state;
    if (!async::find_program("git", git.environment)) co_return std::optional<GitState>();
    std::vector<std::string> where{"rev-parse", "--show-toplevel", "--show-prefix"};
    auto place = co_await git.ask(std::move(where));
    if (!place) co_return std::optional<GitState>();
    auto lines = split(*place, '\n');
    state.root = std::string(lines[0]);
    if (lines.size() > 1) state.subdirectory = lines[1];
    while (state.subdirectory.ends_with('/')) state.subdirectory.pop_back();
    std::vector<std::string> head{"log", "-1", "--format=%H %ct"};
    if (auto commit = co_await git.ask(std::move(head))) {
        auto words = split_words(*commit);
        if (words.size() == 2) {
            state.commit = words[0];
            auto seconds = parse_u64(words[1]).value_or(0);
            state.committed_at = std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
        }
    }
    std::vector<std::string> branch{"symbolic-ref", "--short", "-q", "HEAD"};
    state.branch = (co_await git.ask(std::move(branch))).value_or("");
    co_await find_remote(git, state);
    co_await find_changes(git, state);
    co_await find_out_what_is_pushed(git, state);
    co_return std::optional<GitState>(std::move(state));
}

Task<std::optional<std::string>> file_in_commit(std::filesystem::path root, std::string commit, std::string file,
                                                Environment environment) {
    Git git{.directory = std::move(root), .environment = std::move(environment)};
    if (!is_no_option(commit)) co_return std::nullopt;
    std::vector<std::string> question{"show", commit + ":" + file};
    co_return co_await git.ask(std::move(question));
}

} // namespace cachefill::doctor
