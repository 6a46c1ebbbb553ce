#include "async/git.hpp"

#include "async/deadline.hpp"
#include "async/git_programs.hpp"
#include "async/run_alone.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace cachefill::async {

namespace {

constexpr std::chrono::seconds guard_patience{60};
constexpr std::size_t longest_answer = 64U << 20;
constexpr std::size_t most_trees = 1000;
constexpr std::string_view mode_of_submodule = "160000 ";

constexpr std::array<std::pair<const char*, const char*>, 3> no_programs{
    {{"core.fsmonitor", "false"}, {"core.hooksPath", "/dev/null"}, {"log.showSignature", "false"}}};

ProcessSpec any_git(const std::filesystem::path& directory, std::vector<std::string> arguments,
                    const Environment& environment) {
    ProcessSpec spec;
    spec.arguments = {"git"};
    // A pull request can bring HEAD, config and objects/ in a folder of its own; git would take that for a repository,
    // and run what its configuration names.
    spec.arguments.insert(spec.arguments.end(), {"-c", "safe.bareRepository=explicit"});
    for (const auto& [name, value] : no_programs)
        spec.arguments.insert(spec.arguments.end(), {"-c", name + ("=" + std::string(value))});
    spec.arguments.insert(spec.arguments.end(), {"-C", directory.string()});
    spec.arguments.insert(spec.arguments.end(), arguments.begin(), arguments.end());
    spec.environment = environment.without_our_secrets();
    spec.environment.set("GIT_TERMINAL_PROMPT", "0");
    return spec;
}

// As git reads it ("git help git", GIT_CONFIG_COUNT); it overrides what the repository says.
void add_setting(Environment& environment, const std::string& name, const std::string& value) {
    auto count = std::to_string(parse_u64(environment.get_or("GIT_CONFIG_COUNT")).value_or(0));
    environment.set("GIT_CONFIG_KEY_" + count, name);
    environment.set("GIT_CONFIG_VALUE_" + count, value);
    environment.set("GIT_CONFIG_COUNT", std::to_string(*parse_u64(count) + 1));
}

// Is it written as they write it, and the program that PATH leads to?
bool is_well_known_filter(const std::string& command, const Environment& environment) {
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.-+=%\" ";
    if (command.find_first_not_of(plain) != std::string::npos) return false;
    auto text = command;
    std::erase(text, '"');
    auto program = text.substr(0, text.find(' '));
    auto arguments = std::string_view(text).substr(program.size());
    auto name = program.substr(program.rfind('/') + 1);
    bool is_known = (name == "git-crypt" && is_filter_of_git_crypt(arguments)) ||
                    (name == "git-lfs" && is_filter_of_git_lfs(arguments));
    if (!is_known) return false;
    auto found = find_program(name, environment);
    return found && (program == name || program == *found);
}

Task<Result<FinishedProcess>> ask_git(const std::vector<std::string>& options, std::vector<std::string> question,
                                      const Environment& environment, std::chrono::steady_clock::duration patience) {
    ProcessSpec spec;
    spec.arguments = {"git"};
    spec.arguments.insert(spec.arguments.end(), options.begin(), options.end());
    spec.arguments.insert(spec.arguments.end(), question.begin(), question.end());
    spec.environment = environment;
    auto answer = co_await run_process(std::move(spec), patience, longest_answer);
    if (answer && answer->output.size() >= longest_answer)
        co_return Failure(FailureKind::machine, "git " + question.front() + " says more than is read of it");
    co_return answer;
}

// What it says; a refusal is a failure, because what was not seen would be obeyed.
Task<Result<std::string>> ask_git_to_answer(const std::vector<std::string>& options, std::vector<std::string> question,
                                            const Environment& environment,
                                            std::chrono::steady_clock::duration patience) {
    auto asked = "git " + join(options, " ") + " " + question.front();
    CO_TRY(answer, co_await ask_git(options, std::move(question), environment, patience));
    if (!answer.status.success())
        co_return Failure(FailureKind::machine, asked + " failed: " + ellipsize(sanitize(trim(answer.error)), 300));
    co_return std::move(answer.output);
}

// The work tree there, if it is one, and those of the submodules that are checked out in it, and theirs.
Task<Result<std::vector<std::string>>> find_trees(std::vector<std::string> options, Environment environment,
                                                  std::chrono::steady_clock::duration patience) {
    std::vector<std::string> found;
    std::vector<std::vector<std::string>> repositories{std::move(options)};
    for (std::size_t i = 0; i < repositories.size(); ++i) {
        std::vector<std::string> where{"rev-parse", "--show-toplevel"}, which{"ls-files", "-z", "--stage", "--", ":/"};
        CO_TRY(said, co_await ask_git(repositories[i], std::move(where), environment, patience));
        if (!said.status.success()) continue; // there is none
        auto top = std::filesystem::path(trim(said.output));
        if (i == 0) found.push_back(top.string());
        const std::vector<std::string> from_top{"-C", top.string()};
        CO_TRY(files, co_await ask_git_to_answer(from_top, std::move(which), environment, patience));
        for (auto file : split(files, '\0')) {
            auto name = file.find('\t');
            if (!file.starts_with(mode_of_submodule) || name == file.npos) continue;
            auto folder = top / std::string(file.substr(name + 1));
            std::error_code ignored;
            if (!std::filesystem::exists(folder / ".git", ignored)) continue;
            if (found.size() == most_trees)
                co_return Failure(FailureKind::machine, top.string() + " has more than " + std::to_string(most_trees) +
                                                            " submodules, which are not all looked at");
            found.push_back(folder.string());
            repositories.push_back({"-C", folder.string()});
        }
    }
    co_return found;
}

// Of whoever stands before git: the folder that comes first on PATH, git itself, and the tree that is left to it.
constexpr const char* guard_variable = "CACHEFILL_BEFORE_GIT";
constexpr const char* git_variable = "CACHEFILL_GIT";
constexpr const char* tree_variable = "CACHEFILL_TREE";
// What XDG_DATA_HOME was before move_data_of_nix(): empty if it was not set.
constexpr const char* data_variable = "CACHEFILL_DATA_HOME";

constexpr std::string_view guard_name = "cachefill-git";
// Nix asks some ten questions about the flake's own tree each time, in this form.
constexpr std::string_view guard_script = R"(#!/bin/sh
# Stands before the git that Nix starts. Of the tree whose programs are switched off already git itself is asked.
if [ -n "$CACHEFILL_DATA_HOME" ]; then export XDG_DATA_HOME="$CACHEFILL_DATA_HOME"
elif [ "${CACHEFILL_DATA_HOME+moved}" ]; then unset XDG_DATA_HOME; fi
unset CACHEFILL_DATA_HOME
if [ "$1" = -C ] && [ -n "$2" ] && [ "$2" = "$CACHEFILL_TREE" ]; then exec "$CACHEFILL_GIT" "$@"; fi
exec "${0%/*}/cachefill-git" "$@"
)";

// See without_programs().
Task<Result<Environment>> look_for_programs(Environment environment, std::vector<std::string> options,
                                            std::chrono::steady_clock::duration patience) {
    auto is_well_known = [&environment](const std::string& command) {
        return is_well_known_filter(command, environment);
    };
    std::vector<std::vector<std::string>> repositories{options};
    CO_TRY(trees, co_await find_trees(std::move(options), environment, patience));
    for (std::size_t i = 1; i < trees.size(); ++i) repositories.push_back({"-C", trees[i]});
    auto changed = environment;
    if (!trees.empty()) changed.set(tree_variable, trees.front());
    for (const auto& repository : repositories) {
        std::vector<std::string> question{"config", "--list", "--show-scope", "-z"};
        CO_TRY(listed, co_await ask_git_to_answer(repository, std::move(question), environment, patience));
        for (const auto& [name, value] : settings_against_programs(parse_git_settings(listed), is_well_known))
            add_setting(changed, name, value);
    }
    co_return changed;
}

// Those that stand before the command: "-C DIRECTORY", "--git-dir=…".
std::vector<std::string> options_before_command(const std::vector<std::string>& arguments) {
    constexpr std::array<std::string_view, 6> with_value{"-C",          "-c",          "--git-dir",
                                                         "--work-tree", "--namespace", "--config-env"};
    std::size_t end = 0;
    while (end < arguments.size() && arguments[end].starts_with('-'))
        end += std::find(with_value.begin(), with_value.end(), arguments[end]) == with_value.end() ? 1 : 2;
    auto last = arguments.begin() + static_cast<std::ptrdiff_t>(std::min(end, arguments.size()));
    return {arguments.begin(), last};
}

} // namespace

ProcessSpec git_process(const std::filesystem::path& directory, std::vector<std::string> arguments,
                        const Environment& environment) {
    auto spec = any_git(directory, std::move(arguments), environment);
    // What is missing in a partial clone would be fetched in the way that its configuration names.
    spec.environment.set("GIT_NO_LAZY_FETCH", "1");   // git 2.45
    spec.environment.set("GIT_ALLOW_PROTOCOL", "no"); // older ones: there is no such protocol
    return spec;
}

void refuse_programs_of_folders(Environment& environment) {
    for (const auto& [name, value] : no_programs) add_setting(environment, name, value);
    environment.set("GIT_NO_LAZY_FETCH", "1");
}

Task<Result<Environment>> without_programs(Environment environment, std::vector<std::string> options,
                                           std::chrono::steady_clock::duration patience) {
    refuse_programs_of_folders(environment);
    if (!find_program("git", environment)) co_return environment;
    auto looking = look_for_programs(std::move(environment), std::move(options), patience);
    auto looked =
        co_await with_deadline(std::move(looking), patience, "looking for the programs that a repository names");
    if (looked) co_return looked;
    co_return std::move(looked).error().with_hint("no git is started there, as it would run them");
}

Result<TemporaryDirectory> make_git_guard(const std::filesystem::path& parent, const std::filesystem::path& program) {
    TRY(folder, TemporaryDirectory::make("cachefill-git", parent));
    std::error_code error;
    std::filesystem::create_symlink(program, folder.path() / guard_name, error);
    if (error) return errno_failure("cannot make", folder.path() / guard_name, error.value());
    auto script = folder.path() / "git";
    TRY_VOID(write_file_atomically(script, guard_script, 0700));
    if (::access(script.c_str(), X_OK) != 0) return errno_failure("cannot start", script, errno);
    return folder;
}

void stand_before_git(Environment& environment, const std::filesystem::path& folder) {
    auto git = find_program("git", environment);
    if (!git || ::access((folder / "git").c_str(), X_OK) != 0) return;
    environment.set(guard_variable, folder.string());
    environment.set(git_variable, *git);
    environment.set("PATH", folder.string() + ":" + environment.get_or("PATH"));
}

void move_data_of_nix(Environment& environment, const std::filesystem::path& folder) {
    environment.set(data_variable, environment.get_or("XDG_DATA_HOME"));
    environment.set("XDG_DATA_HOME", folder.string());
    environment.set("NIX_DATA_HOME", (folder / "nix").string()); // what counts since 2.25
}

bool stands_before_git(std::string_view called_as, const Environment& environment) {
    return called_as.ends_with(guard_name) && !environment.get_or(guard_variable).empty();
}

Failure go_on_as_git(const std::vector<std::string>& arguments, Environment environment) {
    auto folder = environment.get_or(guard_variable);
    auto path = environment.get_or("PATH");
    std::vector<std::string> rest;
    for (auto part : split(path, ':'))
        if (part != folder) rest.emplace_back(part);
    environment.set("PATH", join(rest, ":"));
    for (const char* ours : {guard_variable, git_variable, tree_variable}) environment.unset(ours);
    auto guarded = run_alone([&](const Executor&) {
        return without_programs(environment, options_before_command(arguments), guard_patience);
    });
    if (!guarded) return std::move(guarded).error();
    std::vector<std::string> command{"git"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return become(std::move(command), *guarded);
}

ProcessSpec git_to_remote(std::vector<std::string> arguments, const Environment& environment) {
    auto spec = any_git("/", std::move(arguments), environment);
    spec.environment.set("GIT_ALLOW_PROTOCOL", "https:http:ssh:git:file");
    return spec;
}

} // namespace cachefill::async
