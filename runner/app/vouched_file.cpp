#include "app/vouched_file.hpp"

#include "app/nix_configuration.hpp"
#include "async/child_process.hpp"
#include "async/run_alone.hpp"
#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "github/rest.hpp"
#include "http/client.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::app {

using async::Task;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest_file = 1 << 20;

// Where the repository of this directory begins; empty if it is in none.
fs::path repository_around(fs::path directory) {
    std::error_code ignored;
    for (; !directory.empty(); directory = directory.parent_path()) {
        if (fs::exists(directory / ".git", ignored)) return directory;
        if (directory == directory.root_path()) break;
    }
    return {};
}

Task<Result<std::string>> git(fs::path directory, std::vector<std::string> arguments, const Environment& environment) {
    async::ProcessSpec spec;
    spec.arguments = {"git", "-C", directory.string()};
    spec.arguments.insert(spec.arguments.end(), arguments.begin(), arguments.end());
    spec.environment = environment.without_our_secrets();
    spec.environment.set("GIT_TERMINAL_PROMPT", "0");
    spec.environment.set("GIT_NO_LAZY_FETCH", "1");
    auto run = co_await async::run_process(std::move(spec), 60s, longest_file);
    if (!run) co_return std::move(run).error();
    if (!run->status.success()) co_return Failure(FailureKind::not_found, sanitize(trim(run->error)));
    co_return std::move(run->output);
}

struct Asking {
    const github::VouchedCommit& commit;
    std::vector<std::pair<fs::path, std::string>> files; // where it is, and its path in the repository
    fs::path repository;
    const Environment& environment;
};

// Plumbing alone: nothing that the repository's own configuration could make run something.
Task<Result<VouchedFile>> ask_git(const Asking& asking) {
    if (asking.repository.empty()) co_return Failure(FailureKind::not_found, "the checkout has no history");
    const std::vector<std::string> is_there{"cat-file", "-e", asking.commit.commit + "^{commit}"};
    auto known = co_await git(asking.repository, is_there, asking.environment);
    if (!known)
        co_return Failure(FailureKind::not_found,
                          "the checkout's history does not reach to " + asking.commit.commit.substr(0, 12));
    for (const auto& [file, path] : asking.files) {
        const std::vector<std::string> show{"cat-file", "blob", asking.commit.commit + ":" + path};
        auto text = co_await git(asking.repository, show, asking.environment);
        if (text) co_return VouchedFile{.name = file.string(), .text = std::move(*text)};
    }
    co_return VouchedFile{};
}

Task<Result<VouchedFile>> ask_github(const Asking& asking, async::Executor executor) {
    github::RestSettings settings;
    for (const auto* name : {"CACHEFILL_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"})
        if (auto value = asking.environment.get_or(name); !value.empty() && !settings.token)
            settings.token = github::Token{.secret = Secret(std::move(value)), .source = name};
    auto repository = asking.environment.get_or("GITHUB_REPOSITORY");
    if (!settings.token || repository.empty())
        co_return Failure(FailureKind::auth, "this step has no token to ask GitHub with");
    settings.api_url = asking.environment.get_or("GITHUB_API_URL", settings.api_url);
    auto client = http::make_client(executor, client_settings_like(nullptr, asking.environment));
    github::RestClient rest(*client, std::move(settings));
    for (const auto& [file, path] : asking.files) {
        std::string below = "/repos/" + repository + "/contents";
        for (auto part : split(path, '/')) below += "/" + percent_encode(part);
        auto answer = co_await rest.find(below + "?ref=" + percent_encode(asking.commit.commit));
        if (!answer) co_return std::move(answer).error();
        if (!*answer) continue;
        const auto& json = **answer;
        bool is_file = json.is_object() && json.value("encoding", "") == "base64" && json.contains("content") &&
                       json["content"].is_string();
        if (!is_file) co_return Failure(FailureKind::protocol, "GitHub's answer about " + path + " is no file");
        auto encoded = json["content"].get<std::string>();
        std::erase_if(encoded, [](char c) { return c == '\n'; });
        auto text = codec::from_base64(encoded);
        if (!text) co_return std::move(text).error();
        co_return VouchedFile{.name = file.string(), .text = std::move(*text)};
    }
    co_return VouchedFile{};
}

Task<Result<VouchedFile>> ask(const Asking& asking, async::Executor executor) {
    auto of_git = co_await ask_git(asking);
    if (of_git) co_return of_git;
    // The repository of another checkout would be taken for this one's.
    std::error_code error;
    auto workspace = fs::weakly_canonical(asking.environment.get_or("GITHUB_WORKSPACE"), error);
    if (error || asking.repository != workspace) co_return of_git;
    auto of_github = co_await ask_github(asking, executor);
    if (of_github) co_return of_github;
    co_return Failure(FailureKind::not_found, of_git.error().cause() + ", and " + of_github.error().cause());
}

} // namespace

Result<VouchedFile> read_vouched_file(const github::VouchedCommit& commit, const std::vector<fs::path>& files,
                                      const Environment& environment) {
    Asking asking{.commit = commit, .files = {}, .repository = {}, .environment = environment};
    for (const auto& file : files) {
        std::error_code error;
        auto directory = fs::weakly_canonical(file.parent_path(), error);
        if (asking.repository.empty()) asking.repository = repository_around(directory);
        if (error || asking.repository.empty()) continue;
        asking.files.emplace_back(file,
                                  (directory / file.filename()).lexically_relative(asking.repository).generic_string());
    }
    return async::run_alone([&asking](async::Executor executor) { return ask(asking, executor); });
}

} // namespace cachefill::app
