#include "session/git_configuration.hpp"

#include "async/git.hpp"
#include "base/files.hpp"
#include "eval/git_variables.hpp"
#include "http/netrc.hpp"

#include <filesystem>
#include <memory>

namespace cachefill::session {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t longest_listing = 1 << 20;

// Where the helper `store` keeps its logins, by the file that it is told.
std::vector<fs::path> stored_at(const std::string& file, const Environment& environment) {
    fs::path home = environment.get_or("HOME");
    if (file.starts_with("~/")) return {home / file.substr(2)};
    if (!file.empty()) return {file};
    if (!home.is_absolute()) return {};
    fs::path settings = environment.get_or("XDG_CONFIG_HOME");
    if (!settings.is_absolute()) settings = home / ".config";
    return {home / ".git-credentials", settings / "git/credentials"};
}

// Below which Nix keeps the repositories that it fetches; empty without a home.
fs::path repositories_of_nix(const Environment& environment) {
    for (const auto& [name, below] : {std::pair("NIX_CACHE_HOME", "gitv3"), std::pair("XDG_CACHE_HOME", "nix/gitv3"),
                                      std::pair("HOME", ".cache/nix/gitv3")})
        if (fs::path place = environment.get_or(name); place.is_absolute()) return place / below;
    return {};
}

// Names of the folder `repository` that begin where Nix keeps its own: `includeIf "gitdir:…"` goes by the name that git
// is told, as it is and without links. So nothing has to be made there, and as far as it is there it is believed.
std::vector<std::string> names_at_nix(const fs::path& repository, const Environment& environment) {
    auto place = repositories_of_nix(environment);
    std::error_code failed;
    while (place.has_relative_path() && !fs::is_directory(place, failed)) place = place.parent_path();
    auto plain = fs::canonical(place, failed);
    if (failed) return {repository.string()};
    std::string up;
    for (auto part = plain.begin(); part != plain.end(); ++part) up += "/..";
    std::vector<std::string> names{plain.string() + up + repository.string()};
    if (place != plain) names.push_back(place.string() + up + repository.string());
    return names;
}

// As little as git takes for a repository.
Result<TemporaryDirectory> make_repository() {
    TRY(directory, TemporaryDirectory::make("cachefill-git"));
    for (const auto* folder : {"objects", "refs"}) TRY_VOID(cachefill::create_directories(directory.path() / folder));
    TRY_VOID(write_file_atomically(directory.path() / "HEAD", "ref: refs/heads/master\n"));
    return directory;
}

} // namespace

std::vector<fs::path> files_of_git_logins(const eval::GitLogins& logins, const Environment& environment) {
    auto files = stored_at({}, environment);
    for (const auto& told : logins.stores())
        for (auto& file : stored_at(told, environment)) files.push_back(std::move(file));
    return files;
}

async::Task<eval::GitLogins> read_git_logins(Environment environment) {
    if (!async::find_program("git", environment)) co_return eval::GitLogins();
    auto repository = make_repository();
    if (!repository) co_return eval::GitLogins::unknown();
    auto names = names_at_nix(fs::canonical(repository->path()), environment);
    std::string listing;
    for (const auto& name : names) {
        // What is set for the repository that somebody stands in does not count where Nix runs git.
        std::vector<std::string> list{"--git-dir=" + name, "config", "--includes", "--list", "-z"};
        auto spec = async::git_process("/", std::move(list), environment);
        for (const auto* variable :
             {"GIT_DIR", "GIT_CONFIG", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"})
            spec.environment.unset(variable);
        auto listed = co_await async::run_process(std::move(spec), 10s, longest_listing);
        if (!listed || !listed->status.success()) co_return eval::GitLogins::unknown();
        listing += listed->output;
    }
    auto logins = eval::GitLogins::from_config(listing + eval::git_settings_of_variables(environment));
    for (const auto& told : std::vector<std::string>(logins.stores()))
        for (const auto& file : stored_at(told, environment))
            if (auto text = read_file(file, longest_listing)) logins.add_stored(*text);
    // git reads this one, whatever NETRC says.
    if (fs::path home = environment.get_or("HOME"); home.is_absolute()) {
        const std::vector<fs::path> files{home / ".netrc"};
        auto netrc = http::Netrc::read(files);
        if (!netrc || !netrc->is_whole()) co_return eval::GitLogins::unknown();
        logins.add_netrc([known = std::make_shared<http::Netrc>(std::move(*netrc))](const std::string& host) {
            return known->names(host);
        });
    }
    co_return logins;
}

} // namespace cachefill::session
