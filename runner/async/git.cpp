#include "async/git.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace cachefill::async {

namespace {

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

// Is this a filter as `git-crypt init` and `git lfs install --local` write it, and the program that PATH leads to?
bool is_well_known_filter(std::string_view command, const Environment& environment) {
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.-+=%\" ";
    if (command.find_first_not_of(plain) != std::string_view::npos) return false;
    auto text = std::string(command);
    std::erase(text, '"');
    auto program = text.substr(0, text.find(' '));
    auto name = program.substr(program.rfind('/') + 1);
    if (name != "git-crypt" && name != "git-lfs") return false;
    auto found = find_program(name, environment);
    return found && (program == name || program == *found);
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
}

Task<Environment> without_filters(Environment environment, std::filesystem::path directory,
                                  std::chrono::steady_clock::duration patience) {
    // "SCOPE\0NAME\nVALUE\0"…
    auto list = git_process(
        directory, {"config", "--show-scope", "-z", "--get-regexp", R"(^filter\..*\.(clean|smudge|process|required)$)"},
        environment);
    auto listed = co_await run_process(std::move(list), patience);
    if (!listed || !listed->status.success()) co_return environment; // there is none
    auto parts = split(listed->output, '\0');
    for (std::size_t i = 0; i + 1 < parts.size(); i += 2) {
        bool is_of_folder = parts[i] == "local" || parts[i] == "worktree";
        auto end = std::min(parts[i + 1].find('\n'), parts[i + 1].size());
        auto name = std::string(parts[i + 1].substr(0, end));
        auto value = parts[i + 1].substr(std::min(end + 1, parts[i + 1].size()));
        bool is_required = name.ends_with(".required");
        if (is_of_folder && (is_required || !is_well_known_filter(value, environment)))
            add_setting(environment, name, is_required ? "false" : "");
    }
    co_return environment;
}

ProcessSpec git_to_remote(std::vector<std::string> arguments, const Environment& environment) {
    auto spec = any_git("/", std::move(arguments), environment);
    spec.environment.set("GIT_ALLOW_PROTOCOL", "https:http:ssh:git:file");
    return spec;
}

} // namespace cachefill::async
