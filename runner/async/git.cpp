#include "async/git.hpp"

namespace cachefill::async {

ProcessSpec git_process(const std::filesystem::path& directory, std::vector<std::string> arguments,
                        const Environment& environment) {
    ProcessSpec spec;
    // A pull request can bring HEAD, config and objects/ in a folder of its own; git would take that for a repository,
    // and run what its configuration names.
    spec.arguments = {
        "git", "-c", "safe.bareRepository=explicit", "-c", "core.fsmonitor=false", "-C", directory.string()};
    spec.arguments.insert(spec.arguments.end(), arguments.begin(), arguments.end());
    spec.environment = environment.without_our_secrets();
    spec.environment.set("GIT_TERMINAL_PROMPT", "0");
    return spec;
}

} // namespace cachefill::async
