#include "session/git_configuration.hpp"

#include "async/git.hpp"
#include "base/files.hpp"
#include "base/text.hpp"

#include <filesystem>

namespace cachefill::session {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t longest_listing = 1 << 20;

// Where the helper `store` keeps its logins, by its arguments.
std::vector<fs::path> stored_at(std::string_view arguments, const Environment& environment) {
    fs::path home = environment.get_or("HOME");
    constexpr std::string_view option = "--file";
    if (arguments.starts_with(option)) {
        auto file = std::string(trim(arguments.substr(std::min(option.size() + 1, arguments.size()))));
        if (file.starts_with("~/")) return {home / file.substr(2)};
        return {file};
    }
    if (!home.is_absolute()) return {};
    fs::path settings = environment.get_or("XDG_CONFIG_HOME");
    if (!settings.is_absolute()) settings = home / ".config";
    return {home / ".git-credentials", settings / "git/credentials"};
}

} // namespace

async::Task<eval::GitLogins> read_git_logins(Environment environment) {
    // From a place that is in no repository: what is set for one does not count where Nix runs git.
    std::vector<std::string> list{"config", "--includes", "--list", "-z"};
    auto spec = async::git_process("/", std::move(list), environment);
    for (const auto* name : {"GIT_DIR", "GIT_CONFIG", "GIT_WORK_TREE"}) spec.environment.unset(name);
    auto listed = co_await async::run_process(std::move(spec), 10s, longest_listing);
    if (!listed || !listed->status.success()) co_return eval::GitLogins();
    auto logins = eval::GitLogins::from_config(listed->output);
    for (const auto& arguments : std::vector<std::string>(logins.stores()))
        for (const auto& file : stored_at(arguments, environment))
            if (auto text = read_file(file, longest_listing)) logins.add_stored(*text);
    co_return logins;
}

} // namespace cachefill::session
