#include "async/git.hpp"

#include "base/text.hpp"

namespace cachefill::async {

namespace {

ProcessSpec any_git(const std::filesystem::path& directory, std::vector<std::string> arguments,
                    const Environment& environment) {
    ProcessSpec spec;
    spec.arguments = {"git"};
    // A pull request can bring HEAD, config and objects/ in a folder of its own; git would take that for a repository,
    // and run what its configuration names.
    for (const auto* setting : {"safe.bareRepository=explicit", "core.fsmonitor=false", "core.hooksPath=/dev/null",
                                "log.showSignature=false"})
        spec.arguments.insert(spec.arguments.end(), {"-c", setting});
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

} // namespace

ProcessSpec git_process(const std::filesystem::path& directory, std::vector<std::string> arguments,
                        const Environment& environment) {
    auto spec = any_git(directory, std::move(arguments), environment);
    // What is missing in a partial clone would be fetched in the way that its configuration names.
    spec.environment.set("GIT_NO_LAZY_FETCH", "1");   // git 2.45
    spec.environment.set("GIT_ALLOW_PROTOCOL", "no"); // older ones: there is no such protocol
    return spec;
}

Task<ProcessSpec> without_filters(ProcessSpec git, std::filesystem::path directory, Environment environment,
                                  std::chrono::steady_clock::duration patience) {
    // "SCOPE\0NAME\nVALUE\0"…
    auto list = git_process(
        directory, {"config", "--show-scope", "-z", "--get-regexp", R"(^filter\..*\.(clean|smudge|process|required)$)"},
        environment);
    auto listed = co_await run_process(std::move(list), patience);
    if (!listed || !listed->status.success()) co_return git; // there is none
    auto parts = split(listed->output, '\0');
    for (std::size_t i = 0; i + 1 < parts.size(); i += 2) {
        bool is_of_folder = parts[i] == "local" || parts[i] == "worktree";
        auto name = std::string(parts[i + 1].substr(0, parts[i + 1].find('\n')));
        if (is_of_folder) add_setting(git.environment, name, name.ends_with(".required") ? "false" : "");
    }
    co_return git;
}

ProcessSpec git_to_remote(std::vector<std::string> arguments, const Environment& environment) {
    auto spec = any_git("/", std::move(arguments), environment);
    spec.environment.set("GIT_ALLOW_PROTOCOL", "https:http:ssh:git:file");
    return spec;
}

} // namespace cachefill::async
