#include "options/vouched_file.hpp"

#include "async/git.hpp"
#include "async/run_alone.hpp"
#include "base/files.hpp"
#include "base/foreign_text.hpp"
#include "base/own_place.hpp"
#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "github/repository.hpp"
#include "github/rest.hpp"
#include "http/client.hpp"
#include "presence/nix_configuration.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::options {

using async::Task;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest_file = 1 << 20;
constexpr int most_links = 8; // one after the other

Task<Result<std::string>> git(fs::path directory, std::vector<std::string> arguments, const Environment& environment) {
    auto spec = async::git_process(directory, std::move(arguments), environment);
    auto run = co_await async::run_process(std::move(spec), 60s, longest_file);
    if (!run) co_return std::move(run).error();
    if (!run->status.success()) co_return Failure(FailureKind::not_found, clean_foreign(trim(run->error)));
    co_return std::move(run->output);
}

struct Asking {
    const github::VouchedCommit& commit;
    std::vector<std::pair<fs::path, std::string>> files; // where it is, and its path in the repository
    fs::path repository;
    const Environment& environment;
};

Failure leads_out(const std::string& path, std::string_view target) {
    return Failure(FailureKind::not_found,
                   path + " is a link there, to '" + shown_name(target) + "', which is no file of the repository");
}

// A file or a link of a commit.
struct Blob {
    bool is_link = false;
    std::string text;
};
Task<Result<std::optional<Blob>>> blob_at(const Asking& asking, std::string path) {
    const std::vector<std::string> list{"ls-tree", "-z", "--full-tree", asking.commit.commit, "--", path};
    CO_TRY(entry, co_await git(asking.repository, list, asking.environment)); // "MODE TYPE OBJECT\tPATH"
    auto words = split_words(std::string_view(entry).substr(0, entry.find('\t')));
    if (words.size() == 3 && words[1] == "commit")
        co_return Failure(FailureKind::usage, path + " is a submodule there, which another repository holds");
    if (words.size() != 3 || words[1] != "blob") co_return std::optional<Blob>();
    const std::vector<std::string> show{"cat-file", "blob", std::string(words[2])};
    CO_TRY(text, co_await git(asking.repository, show, asking.environment));
    co_return std::optional<Blob>(Blob{.is_link = words[0] == "120000", .text = std::move(text)});
}

// What the file says in the commit; empty if it is not there. Links on the way to it and at its end are followed as
// that commit has them, within the repository: what a change makes of its folders decides nothing.
Task<Result<std::optional<std::string>>> read_of_commit(const Asking& asking, std::string path) {
    const auto first = path;
    for (int followed = 0; followed <= most_links; ++followed) {
        fs::path place, rest = path;
        std::optional<Blob> blob;
        while (!rest.empty() && !blob) {
            place /= *rest.begin();
            rest = rest.lexically_relative(*rest.begin());
            if (rest == ".") rest.clear();
            auto name = place.generic_string();
            CO_TRY(found, co_await blob_at(asking, std::move(name)));
            blob = std::move(found);
        }
        if (blob && !blob->is_link && rest.empty()) co_return std::optional<std::string>(std::move(blob->text));
        if (!blob || !blob->is_link) {
            if (followed > 0) co_return leads_out(first, path);
            co_return std::optional<std::string>();
        }
        auto target = (place.parent_path() / blob->text / rest).lexically_normal();
        if (target.is_absolute() || target.empty() || *target.begin() == "..") co_return leads_out(first, blob->text);
        path = target.generic_string();
    }
    co_return leads_out(first, path);
}

// Plumbing alone: nothing that the repository's own configuration could make run something.
Task<Result<VouchedFile>> ask_git(const Asking& asking) {
    if (asking.repository.empty()) co_return Failure(FailureKind::not_found, "the checkout has no history");
    const std::vector<std::string> is_there{"cat-file", "-e", asking.commit.commit + "^{commit}"};
    auto known = co_await git(asking.repository, is_there, asking.environment);
    if (!known)
        co_return Failure(FailureKind::not_found,
                          "the checkout's history does not reach to " + asking.commit.commit.substr(0, 12));
    for (const auto& [file, path] : asking.files) {
        CO_TRY(text, co_await read_of_commit(asking, path));
        if (text) co_return VouchedFile{.name = file.string(), .text = std::move(*text)};
    }
    co_return VouchedFile{};
}

std::string text_in(const nlohmann::json& json, const char* key) {
    if (!json.is_object()) return {};
    auto it = json.find(key);
    return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
}

Task<Result<VouchedFile>> ask_github(const Asking& asking, async::Executor executor) {
    github::RestSettings settings;
    settings.token = github::token_of_step(asking.environment);
    auto repository = asking.environment.get_or("GITHUB_REPOSITORY");
    if (!settings.token || repository.empty())
        co_return Failure(FailureKind::auth, "this step has no token to ask GitHub with");
    settings.api_url = asking.environment.get_or("GITHUB_API_URL", settings.api_url);
    auto client = http::make_client(executor, presence::client_settings_like(nullptr, asking.environment));
    github::RestClient rest(*client, std::move(settings));
    for (const auto& [file, path] : asking.files) {
        std::string below = "/repos/" + repository + "/contents";
        for (auto part : split(path, '/')) below += "/" + percent_encode(part);
        auto answer = co_await rest.find(below + "?ref=" + percent_encode(asking.commit.commit));
        if (!answer) co_return std::move(answer).error();
        if (!*answer) continue;
        const auto& json = **answer;
        if (text_in(json, "type") == "symlink") co_return leads_out(path, text_in(json, "target"));
        bool is_file = text_in(json, "encoding") == "base64" && json.contains("content");
        if (!is_file) co_return Failure(FailureKind::protocol, "GitHub's answer about " + path + " is no file");
        auto encoded = text_in(json, "content");
        std::erase_if(encoded, [](char c) { return c == '\n'; });
        auto text = codec::from_base64(encoded);
        if (!text) co_return std::move(text).error();
        co_return VouchedFile{.name = file.string(), .text = std::move(*text)};
    }
    co_return VouchedFile{};
}

// The repository of another checkout would be taken for this one's. The first lies in the workspace itself; one below
// it says where it comes from.
Task<bool> is_of_this_repository(const Asking& asking) {
    std::error_code error;
    auto workspace = fs::weakly_canonical(asking.environment.get_or("GITHUB_WORKSPACE"), error);
    if (error || asking.repository.empty()) co_return false;
    if (fs::weakly_canonical(asking.repository, error) == workspace) co_return true;
    const std::vector<std::string> get{"config", "--local", "--get", "remote.origin.url"};
    auto url = co_await git(asking.repository, get, asking.environment);
    auto origin = url ? github::parse_remote(*url) : std::nullopt;
    auto here = github::parse_remote(asking.environment.get_or("GITHUB_SERVER_URL", "https://github.com") + "/" +
                                     asking.environment.get_or("GITHUB_REPOSITORY"));
    if (!origin || !here) co_return false;
    co_return iequals(origin->host, here->host) && iequals(origin->full_name(), here->full_name());
}

// Made by who set the workspace up, a checkout beside another or a work tree of its own. A submodule has its `.git` in
// the repository that it is part of, and a tree holds neither a `.git` nor a `commondir` in one.
bool is_checkout(const fs::path& directory) {
    std::error_code ignored;
    auto git = directory / ".git";
    if (!fs::is_regular_file(git, ignored)) return fs::is_directory(fs::symlink_status(git, ignored));
    auto line = read_file(git, longest_file);
    constexpr std::string_view says = "gitdir:";
    if (!line || !line->starts_with(says)) return false;
    auto elsewhere = fs::path(trim(std::string_view(*line).substr(says.size())));
    if (elsewhere.is_relative()) elsewhere = directory / elsewhere;
    return fs::is_regular_file(elsewhere / "commondir", ignored);
}

// The repository whose commits name what lies in `directory`: found from the workspace inwards, so that neither a
// submodule nor a link, which a change may make of the folder, hides the one that it is part of.
fs::path repository_of(const fs::path& directory, const Environment& environment) {
    std::error_code ignored;
    fs::path workspace = environment.get_or("GITHUB_WORKSPACE");
    fs::path top = directory.root_path();
    for (const auto& name : {workspace.lexically_normal(), fs::weakly_canonical(workspace, ignored)}) {
        auto folder = name.has_filename() ? name : name.parent_path();
        if (!folder.empty() && folder.is_absolute() && is_within(directory, folder)) top = folder;
    }
    fs::path repository;
    if (fs::exists(top / ".git", ignored)) repository = top;
    auto rest = directory.lexically_relative(top);
    for (const auto& part : rest) {
        if (part == ".") continue;
        top /= part;
        if (!repository.empty() && fs::is_symlink(top, ignored)) break; // of that repository
        if (repository.empty() ? fs::exists(top / ".git", ignored) : is_checkout(top)) repository = top;
    }
    return repository;
}

Task<Result<VouchedFile>> ask(const Asking& asking, async::Executor executor) {
    auto of_git = co_await ask_git(asking);
    if (of_git || of_git.error().kind() == FailureKind::usage) co_return of_git;
    auto is_this_one = co_await is_of_this_repository(asking);
    if (!is_this_one) co_return of_git;
    auto of_github = co_await ask_github(asking, executor);
    if (of_github) co_return of_github;
    co_return Failure(FailureKind::not_found, of_git.error().cause() + ", and " + of_github.error().cause());
}

} // namespace

fs::path repository_around(fs::path directory) {
    std::error_code ignored;
    for (; !directory.empty(); directory = directory.parent_path()) {
        if (fs::exists(directory / ".git", ignored)) return directory;
        if (directory == directory.root_path()) break;
    }
    return {};
}

Result<VouchedFile> read_vouched_file(const github::VouchedCommit& commit, const std::vector<fs::path>& files,
                                      const Environment& environment) {
    Asking asking{.commit = commit, .files = {}, .repository = {}, .environment = environment};
    for (const auto& file : files) {
        std::error_code error;
        // By its name: what the folders of a change lead to is not what the commit has under that name.
        auto directory = fs::absolute(file, error).lexically_normal().parent_path();
        if (asking.repository.empty()) asking.repository = repository_of(directory, environment);
        if (error || asking.repository.empty()) continue;
        asking.files.emplace_back(file,
                                  (directory / file.filename()).lexically_relative(asking.repository).generic_string());
    }
    return async::run_alone([&asking](async::Executor executor) { return ask(asking, executor); });
}

} // namespace cachefill::options
