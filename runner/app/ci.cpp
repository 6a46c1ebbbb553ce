#include "app/ci.hpp"

#include "base/files.hpp"
#include "base/secret_variables.hpp"
#include "base/text.hpp"
#include "base/url_query.hpp"
#include "cache/aws_profile.hpp"
#include "cache/credentials.hpp"
#include "cache/secret_parameters.hpp"
#include "eval/evaluator.hpp"
#include "github/commands.hpp"
#include "github/repository.hpp"
#include "http/netrc.hpp"
#include "http/url.hpp"
#include "options/settings.hpp"
#include "options/state_directory.hpp"
#include "session/session.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace cachefill::app {

namespace {

// A job on GitHub's own machines ends after six hours. The rest is for what comes before and after this step.
constexpr auto default_deadline = std::chrono::minutes(340);

event::Message remark(event::Severity severity, std::string text, std::string hint) {
    return {.severity = severity, .text = std::move(text), .hint = std::move(hint)};
}

bool lacks_token(const options::Settings& settings, const Environment& environment) {
    auto uri = cache::CacheUri::parse(settings.cache.reveal());
    if (!uri) return false;
    auto credentials = cache::credentials_for(environment, *uri);
    if (!credentials) return false;
    if (uri->scheme == cache::Scheme::attic) return !credentials->attic.token;
    if (uri->scheme == cache::Scheme::niks3) return credentials->niks3.is_empty();
    return uri->scheme == cache::Scheme::cachix && !credentials->token;
}

// Its token may be in netrc, which the client alone knows of.
bool is_attic(const options::Settings& settings) {
    auto uri = cache::CacheUri::parse(settings.cache.reveal());
    return uri && uri->scheme == cache::Scheme::attic;
}

std::string name_of_token(const options::Settings& settings) {
    auto uri = cache::CacheUri::parse(settings.cache.reveal());
    return uri ? cache::token_variable(uri->scheme) : std::string();
}

// A stranger's code is built, and that is all: it gets to read nothing of this machine, to name no cache or key, and
// leaves nothing that another step or run would build upon. Whatever was asked for.
Result<void> confine(options::Settings& settings, const Environment& environment, CiSetup& setup) {
    settings.read_only = true;
    settings.impure = eval::Impure::never;
    settings.confine_evaluation = true;
    settings.accept_flake_config = false;
    settings.upstreams_from_hosts = false;
    settings.substituter = false;
    settings.on_deadline = options::OnDeadline::stop;
    // What was learnt before helps here, too; what is learnt here stays nowhere.
    auto learnt = state_directory_of(settings, environment);
    TRY(state, TemporaryDirectory::make("cachefill-state", setup.github.temporary));
    for (const auto* name : {"evaluation-memory.json", "history.sqlite"}) {
        std::error_code ignored; // a lost one costs guesses, nothing else
        std::filesystem::copy_file(learnt / name, state.path() / name, ignored);
    }
    settings.state_directory = state.path();
    setup.state = std::make_shared<TemporaryDirectory>(std::move(state));
    return {};
}

event::Message remark_on_stranger(const github::Context& github) {
    constexpr const char* limits =
        "; it is evaluated purely, caches and keys of its hosts do not count, and it leaves nothing for later steps "
        "and runs (docs/security.md)";
    if (github.author == github::Author::fork)
        return remark(event::Severity::notice, "a pull request of a fork: it is built, and nothing is pushed",
                      std::string("what it needs is pushed by the run that follows its merge") + limits);
    return remark(event::Severity::notice,
                  "the event '" + sanitize(github.event) +
                      "' may bring a stranger's code: it is built, and nothing is pushed",
                  std::string("what comes with a push, a schedule or a dispatch is pushed") + limits);
}

Result<void> decide_on_pushing(options::Settings& settings, const Environment& environment, CiSetup& setup) {
    if (!setup.github.is_trusted()) {
        TRY_VOID(confine(settings, environment, setup));
        setup.remarks.push_back(remark_on_stranger(setup.github));
        return {};
    }
    if (settings.read_only) {
        setup.remarks.push_back(remark(event::Severity::notice, "read-only, as asked: nothing is pushed", ""));
        return {};
    }
    bool no_token = lacks_token(settings, environment);
    if (setup.github.from_dependabot && no_token) {
        settings.read_only = true;
        setup.remarks.push_back(
            remark(event::Severity::notice, "Dependabot gets no secrets: this is built, and nothing is pushed",
                   "to push, too, add " + name_of_token(settings) + " to the repository's Dependabot secrets"));
        return {};
    }
    if (!no_token || is_attic(settings)) return {};
    auto secret = name_of_token(settings);
    std::string keyless;
    if (secret == "NIKS3_AUTH_TOKEN") keyless = "; with 'permissions: id-token: write' the server needs none";
    return Failure(FailureKind::auth, "there is no token for the cache " + settings.cache.shown() + ", on the event '" +
                                          sanitize(setup.github.event) + "' that is meant to push")
        .with_hint("check that the secret " + secret + " exists and is handed over (token: ${{ secrets." + secret +
                   " }}), or ask for read-only: true" + keyless);
}

// A new file for what this step leaves to later ones.
Result<std::filesystem::path> place_for(const std::string& stem, const std::string& ending,
                                        const github::Context& context) {
    std::error_code ignored;
    // Where the runner names no place, one that nobody else has prepared.
    if (context.temporary.empty()) {
        auto directory = (std::filesystem::temp_directory_path(ignored) / ("cachefill-" + stem + "-XXXXXX")).string();
        if (!::mkdtemp(directory.data()))
            return errno_failure("cannot make a directory for the " + stem + ",", directory, errno);
        return std::filesystem::path(directory) / (stem + ending);
    }
    auto directory = context.temporary / "cachefill";
    TRY_VOID(cachefill::create_directories(directory));
    for (int number = 1;; ++number) {
        auto name = stem + (number == 1 ? "" : "-" + std::to_string(number)) + ending;
        auto file = directory / name;
        if (!std::filesystem::exists(file, ignored)) return file; // of an earlier step of this job
    }
}

// A step that plans for shards does as 'plan --matrix --bundle' does.
Result<void> prepare_shards(options::Settings& settings, CiSetup& setup) {
    if (settings.shards == 0) return {};
    if (settings.shard > 0)
        return Failure(FailureKind::usage, "'shards' is for the job that plans, and 'shard' for those that build")
            .with_hint("leave one of them out");
    settings.matrix = true;
    if (settings.read_only)
        setup.remarks.push_back(remark(event::Severity::notice,
                                       "no shards, since nothing is pushed and they would meet in the cache",
                                       "the last job of the workflow builds all that its machine can"));
    if (!settings.bundle.empty()) return {};
    TRY(file, place_for("bundle", ".cachefill", setup.github));
    settings.bundle = file.string();
    return {};
}

constexpr std::size_t shortest_password = 4; // masking "1" would leave nothing of a log
constexpr std::uint64_t longest_secret_file = 64 << 10;

// Not of a pipe, which gives what it holds but once, to whoever needs it.
std::string read_secret_file(const std::string& path) {
    if (path.empty()) return {};
    auto content = read_file(path, longest_secret_file);
    return content ? std::string(trim(*content)) : std::string(); // who needs it says why it cannot be read
}

// The form in which they are sent, and so repeated.
std::string masks_of_logins(std::string_view text) {
    std::string commands;
    for (auto word : split_words(text)) {
        if (word.find("://") == word.npos) continue; // a glob has '?', too
        for (const auto& value : cache::secret_parameters(word))
            if (value.size() >= shortest_password) commands += github::mask(value);
    }
    auto mask_login = [&commands](std::string_view address) {
        auto url = http::parse_url("http://" + std::string(address));
        bool is_secret = url && url->credentials && !passwords_in(address).empty();
        if (is_secret) commands += github::mask(http::in_base64(*url->credentials));
    };
    constexpr std::string_view mark = "://";
    for (auto word : split_words(text)) {
        auto scheme = word.find(mark);
        if (scheme == word.npos) mask_login(word);
        for (; scheme != word.npos; scheme = word.find(mark, scheme)) {
            scheme += mark.size();
            mask_login(word.substr(scheme));
        }
    }
    return commands;
}

// A token, a key ("name:base64", of which the second part is secret without its name, too), or a header ("Basic …").
std::string masks_of_file(const std::string& path) {
    auto content = read_secret_file(path);
    auto commands = github::mask(content);
    auto separator = content.find_first_of(": ");
    if (separator != content.npos && content.size() - separator > shortest_password)
        commands += github::mask(content.substr(separator + 1));
    return commands;
}

// Of ~/.aws/credentials and its like: whichever profile is in use.
std::string masks_of_profiles(const std::string& path) {
    std::string commands;
    for (const auto& [profile, settings] : cache::parse_aws_file(read_secret_file(path)))
        for (const auto& [name, value] : settings) {
            if (name == "aws_secret_access_key" || name == "aws_session_token") commands += github::mask(value);
            if (name == "web_identity_token_file") commands += masks_of_file(value);
        }
    return commands;
}

std::string masks_of_files(const Environment& environment) {
    std::string commands;
    for (const auto& [name, value] : environment.variables()) {
        const std::string& called = name;
        auto is_it = [&called](const SecretVariable& secret) { return secret.is_called(called); };
        auto all = secret_variables();
        auto secret = std::find_if(all.begin(), all.end(), is_it);
        if (secret == all.end()) continue;
        if (secret->holds == SecretVariable::Holds::path) commands += masks_of_file(value);
        if (secret->holds == SecretVariable::Holds::profiles) commands += masks_of_profiles(value);
    }
    auto home = environment.get_or("HOME");
    auto of_nix = netrc_file_of(environment.get_or("NIX_CONFIG"));
    for (const char* file : {"/.aws/credentials", "/.aws/config"})
        if (!home.empty()) commands += masks_of_profiles(home + file);
    for (const auto& netrc : {environment.get_or("NETRC"), home.empty() ? home : home + "/.netrc", of_nix})
        for (const auto& login : http::Netrc::parse(read_secret_file(netrc)).all()) {
            auto password = login.reveal().substr(login.reveal().find(':') + 1);
            // A token may stand where the name does, with or without a password.
            auto name = login.reveal().substr(0, login.reveal().find(':'));
            bool is_token = password.empty() ? name.size() >= shortest_password : looks_like_token(name);
            if (is_token) commands += github::mask(name);
            if (password.size() >= shortest_password) commands += github::mask(password);
            if (is_token || password.size() >= shortest_password) commands += github::mask(http::in_base64(login));
        }
    return commands;
}

} // namespace

Result<CiSetup> set_up_ci(options::Settings& settings, const Environment& environment) {
    if (!github::is_step(environment))
        return Failure(FailureKind::usage, "'cachefill ci' is for steps of GitHub Actions, and this is none")
            .with_hint("'cachefill run' does the same anywhere else");
    CiSetup setup;
    setup.github = github::read_context(environment);
    if (auto token = github::token_of_step(environment)) setup.token = std::move(token->secret);
    settings.on_github = true;
    // First, so that also a step that cannot start has a report for later jobs.
    if (settings.json.empty()) {
        TRY(file, place_for("report", ".json", setup.github));
        settings.json = file.string();
    }
    TRY_VOID(decide_on_pushing(settings, environment, setup));
    TRY_VOID(prepare_shards(settings, setup));
    if (!settings.deadline) {
        settings.deadline = default_deadline;
        if (!settings.dry_run && !settings.is_for_shards())
            setup.remarks.push_back(
                remark(event::Severity::warning,
                       "no deadline is given: this step stops after 340 minutes, whatever the job's timeout-minutes is",
                       "a step cannot see that limit; set 'deadline' to 20 minutes less than it"));
    }
    for (const auto& [file, what] :
         {std::pair(settings.json, "the report"), std::pair(settings.events, "what happens")})
        if (file == "-")
            return Failure(FailureKind::usage,
                           std::string(what) + " goes to a file in 'cachefill ci', because its output is the log");
    return setup;
}

std::string masks_of(const Environment& environment) {
    std::string commands;
    for (const auto& value : secret_values(environment)) commands += github::mask(value);
    for (const auto& [name, value] : environment.variables())
        if (names_addresses_of_ours(name) || to_lower(name).ends_with("_proxy")) commands += masks_of_logins(value);
    return commands + masks_of_files(environment);
}

std::string masks_of(const options::Settings& settings) {
    auto urls = settings.also_push;
    urls.insert(urls.end(), settings.upstreams.begin(), settings.upstreams.end());
    urls.push_back(settings.cache);
    std::string commands;
    for (const auto& url : urls) {
        for (const auto& password : passwords_in(url.reveal())) commands += github::mask(password);
        commands += masks_of_logins(url.reveal());
    }
    return commands;
}

} // namespace cachefill::app
