#include "base/secret_variables.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace cachefill {

namespace {

using Names = SecretVariable::Names;
using Holds = SecretVariable::Holds;
using Children = SecretVariable::Children;

// The first that fits counts.
constexpr auto variables = std::to_array<SecretVariable>({
    {.name = "CACHEFILL_SIGNING_KEY_FILE", .names = Names::and_one_for_each_cache, .holds = Holds::path},
    {.name = "CACHEFILL_BEARER_TOKEN_FILE", .names = Names::and_one_for_each_cache, .holds = Holds::path},
    {.name = "ATTIC_TOKEN_FILE", .names = Names::and_one_for_each_cache, .holds = Holds::path},
    {.name = "NIKS3_AUTH_TOKEN_FILE", .names = Names::and_one_for_each_cache, .holds = Holds::path},
    {.name = "CACHIX_AUTH_TOKEN", .names = Names::and_one_for_each_cache},
    {.name = "ATTIC_TOKEN", .names = Names::and_one_for_each_cache},
    {.name = "NIKS3_AUTH_TOKEN", .names = Names::and_one_for_each_cache},
    {.name = "CACHEFILL_BEARER_TOKEN", .names = Names::and_one_for_each_cache},
    {.name = "CACHIX_SIGNING_KEY", .names = Names::and_one_for_each_cache, .holds = Holds::key},
    {.name = "CACHEFILL_SIGNING_KEY", .names = Names::and_one_for_each_cache, .holds = Holds::key},
    {.name = "CACHEFILL_TOKEN"},
    {.name = "CACHEFILL_NOTIFY"},
    {.name = "CACHEFILL_NOTIFY_URL"},
    {.name = "CACHEFILL_GITHUB_TOKEN"},
    {.name = "GITHUB_TOKEN"},
    {.name = "GH_TOKEN"},
    {.name = "GITHUB_ENTERPRISE_TOKEN"},
    {.name = "GH_ENTERPRISE_TOKEN"},
    // Of other caches, forges, registries, clouds and services, as their tools document them. None is for Nix.
    {.name = "ATTIC_SERVER_TOKEN_HS256_SECRET_BASE64"},
    {.name = "ATTIC_SERVER_TOKEN_RS256_SECRET_BASE64"},
    {.name = "CACHIX_ACTIVATE_TOKEN"},
    {.name = "FLAKEHUB_TOKEN"},
    {.name = "GARNIX_TOKEN"},
    {.name = "HERCULES_CI_API_TOKEN"},
    {.name = "GITHUB_PAT"},
    {.name = "GH_PAT"},
    {.name = "HOMEBREW_GITHUB_API_TOKEN"},
    {.name = "RENOVATE_TOKEN"},
    {.name = "GITLAB_TOKEN"},
    {.name = "GITLAB_PRIVATE_TOKEN"},
    {.name = "GITLAB_ACCESS_TOKEN"},
    {.name = "GL_TOKEN"},
    {.name = "CI_JOB_TOKEN"},
    {.name = "CI_DEPLOY_PASSWORD"},
    {.name = "CI_REGISTRY_PASSWORD"},
    {.name = "GITEA_TOKEN"},
    {.name = "FORGEJO_TOKEN"},
    {.name = "CODEBERG_TOKEN"},
    {.name = "BITBUCKET_TOKEN"},
    {.name = "SRHT_TOKEN"},
    {.name = "NPM_TOKEN"},
    {.name = "NODE_AUTH_TOKEN"},
    {.name = "CARGO_REGISTRY_TOKEN"},
    {.name = "TWINE_PASSWORD"},
    {.name = "UV_PUBLISH_TOKEN"},
    {.name = "GEM_HOST_API_KEY"},
    {.name = "DOCKER_PASSWORD"},
    {.name = "DOCKERHUB_TOKEN"},
    {.name = "AZURE_CLIENT_SECRET"},
    {.name = "ARM_CLIENT_SECRET"},
    {.name = "CLOUDFLARE_API_TOKEN"},
    {.name = "CLOUDFLARE_API_KEY"},
    {.name = "DIGITALOCEAN_ACCESS_TOKEN"},
    {.name = "HCLOUD_TOKEN"},
    {.name = "LINODE_TOKEN"},
    {.name = "FLY_API_TOKEN"},
    {.name = "HEROKU_API_KEY"},
    {.name = "NETLIFY_AUTH_TOKEN"},
    {.name = "VERCEL_TOKEN"},
    {.name = "VAULT_TOKEN"},
    {.name = "OP_SERVICE_ACCOUNT_TOKEN"},
    {.name = "BWS_ACCESS_TOKEN"},
    {.name = "SOPS_AGE_KEY"},
    {.name = "TS_AUTHKEY"},
    {.name = "TAILSCALE_AUTHKEY"},
    {.name = "SLACK_BOT_TOKEN"},
    {.name = "SLACK_WEBHOOK_URL"},
    {.name = "DISCORD_WEBHOOK_URL"},
    {.name = "DISCORD_TOKEN"},
    {.name = "SENTRY_AUTH_TOKEN"},
    {.name = "CODECOV_TOKEN"},
    {.name = "SONAR_TOKEN"},
    {.name = "OPENAI_API_KEY"},
    {.name = "ANTHROPIC_API_KEY"},
    // The runner's own, and the inputs of our step: among them are tokens, and none concerns a child.
    {.name = "ACTIONS_", .names = Names::all_that_begin_so, .holds = Holds::anything},
    {.name = "INPUT_", .names = Names::all_that_begin_so, .holds = Holds::anything},
    {.name = "CACHEFILL_INPUT_", .names = Names::all_that_begin_so, .holds = Holds::anything},
    // Nix fetches inputs and asks substituters of s3:// with them.
    {.name = "AWS_SECRET_ACCESS_KEY", .children = Children::need_it},
    {.name = "AWS_SESSION_TOKEN", .children = Children::need_it},
    {.name = "AWS_CONTAINER_AUTHORIZATION_TOKEN", .children = Children::need_it},
    {.name = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", .holds = Holds::path, .children = Children::need_it},
    {.name = "AWS_WEB_IDENTITY_TOKEN_FILE", .holds = Holds::path, .children = Children::need_it},
    {.name = "AWS_SHARED_CREDENTIALS_FILE", .holds = Holds::profiles, .children = Children::need_it},
    {.name = "AWS_CONFIG_FILE", .holds = Holds::profiles, .children = Children::need_it},
});

constexpr std::size_t shortest_password = 4; // masking "1" would leave nothing of a log
constexpr std::size_t shortest_of_others = 8;
constexpr std::size_t shortest_token = 16; // "https://TOKEN@host" as against "ssh://git@host"

// Of "npm_config__authTokens_2" "npm", "config", "auth" and "token": in small letters, in the singular, without
// numbers.
std::vector<std::string> words_of_name(std::string_view name) {
    std::vector<std::string> words(1);
    for (std::size_t i = 0; i < name.size(); ++i) {
        auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
        auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
        bool begins = !is_letter(name[i]) || (i > 0 && is_capital(name[i]) && !is_capital(name[i - 1]));
        if (begins && !words.back().empty()) words.emplace_back();
        if (is_letter(name[i])) words.back() += to_lower(name.substr(i, 1));
    }
    std::erase(words, "");
    for (auto& word : words)
        if (word.size() > 3 && word.ends_with('s') && !word.ends_with("ss")) word.pop_back();
    return words;
}

// A word, or its end: "CLIENTSECRET", "SSHPASS"; but for those that only end so.
bool is_secret_word(std::string_view word) {
    constexpr std::string_view whole[] = {"key",    "pat", "pwd", "pw",   "cred", "jwt",   "dsn",
                                          "cookie", "otp", "sk",  "totp", "sas",  "bearer"};
    constexpr std::string_view ends[] = {"pass", "auth", "pwd"};
    constexpr std::string_view others[] = {"askpass", "bypass", "compass", "oldpwd"};
    auto is_word = [word](std::string_view other) { return word == other; };
    auto ends_so = [word](std::string_view end) { return word.ends_with(end); };
    return std::any_of(std::begin(whole), std::end(whole), is_word) ||
           (std::any_of(std::begin(ends), std::end(ends), ends_so) &&
            std::none_of(std::begin(others), std::end(others), is_word));
}

// Of whatever tool: by what its name says, wherever in it that stands. "X_TOKEN_FILE" is a path,
// "GIT_SSL_CERT_PASSWORD_PROTECTED" a yes or no, "TRUSTED_PUBLIC_KEYS" for everybody.
bool says_secret(std::string_view variable) {
    constexpr std::string_view roots[] = {
        "token",      "secret",        "password",   "passwd",        "passwort",         "passphrase",
        "passcode",   "passcommand",   "credential", "apikey",        "authkey",          "privatekey",
        "signingkey", "accesskey",     "secretkey",  "masterkey",     "connectionstring", "authconfig",
        "webhook",    "authorization", "deploykey",  "kubeconfigdata"};
    constexpr std::string_view no_secrets[] = {"file", "path", "dir",  "directory", "folder",   "sock", "socket",
                                               "id",   "name", "type", "protected", "endpoint", "host", "port"};
    constexpr std::string_view addresses[] = {"url", "uri"}; // of where tokens are had, but for those that are secret
    // The shell's own; what tells git of its settings, one of which is a key's file.
    if (variable == "PWD" || variable.starts_with("GIT_CONFIG_") || variable == "GIT_SSL_KEY") return false;
    auto words = words_of_name(variable);
    if (words.empty()) return false;
    auto joined = join(words, "");
    auto has_root = [&joined](std::string_view root) { return joined.find(root) != joined.npos; };
    auto is_last = [&words](std::string_view word) { return words.back() == word; };
    bool is_address = std::any_of(std::begin(addresses), std::end(addresses), is_last);
    if (std::any_of(std::begin(no_secrets), std::end(no_secrets), is_last) || (is_address && !has_root("webhook")))
        return false;
    if (std::any_of(std::begin(roots), std::end(roots), has_root)) return true;
    for (std::size_t i = 0; i < words.size(); ++i) {
        bool is_public = words[i] == "key" && i > 0 && (words[i - 1] == "public" || words[i - 1] == "pub");
        if (!is_public && is_secret_word(words[i])) return true;
    }
    return false;
}

// What is not in the list by name.
constexpr SecretVariable by_its_name{.name = {}}, of_nixpkgs{.name = {}, .children = Children::need_it};

const SecretVariable* find(std::string_view variable) {
    auto fits = [variable](const SecretVariable& secret) { return secret.is_called(variable); };
    auto found = std::find_if(variables.begin(), variables.end(), fits);
    if (found != variables.end()) return &*found;
    if (!says_secret(variable)) return nullptr;
    // Fetchers of nixpkgs log in with these ("NIX_GITHUB_PRIVATE_PASSWORD"), where there is no daemon from here.
    bool is_for_fetchers = variable.starts_with("NIX_") && variable.ends_with("_PRIVATE_PASSWORD");
    return is_for_fetchers ? &of_nixpkgs : &by_its_name;
}

// A variable that is only called so may name a file.
bool names_file(const SecretVariable& secret, const std::string& value) {
    std::error_code ignored;
    return secret.name.empty() && value.starts_with('/') && std::filesystem::exists(value, ignored);
}

// Of what may be any text: only where an address stands with its scheme. Who is called as his password has none
// (postgres://postgres:postgres@localhost).
std::vector<std::string> passwords_in_addresses(std::string_view text) {
    std::vector<std::string> passwords;
    for (std::size_t at = 0; at < text.size();) {
        auto end = std::min(text.find_first_of(" \t\n\"'", at), text.size());
        auto word = text.substr(at, end - at);
        at = end + 1;
        if (word.find("://") == word.npos) continue;
        for (auto& password : passwords_in(word))
            if (word.find("://" + password + ":" + password + "@") == word.npos)
                passwords.push_back(std::move(password));
    }
    return passwords;
}

// "access-tokens = github.com=ghp_… gitlab.com=PAT:…", on lines of nix.conf.
void add_access_tokens(std::string_view config, std::vector<std::string>& values) {
    for (auto line : split(config, '\n')) {
        auto equals = line.find('=');
        auto name = trim(line.substr(0, equals));
        if (equals == line.npos || (name != "access-tokens" && name != "extra-access-tokens")) continue;
        for (auto entry : split_words(line.substr(equals + 1))) {
            auto token = entry.substr(std::min(entry.find('=') + 1, entry.size()));
            // "github.com ghp_…", where a '=' was forgotten: a host is no secret.
            bool is_host = entry.find('=') == entry.npos && entry.find('.') != entry.npos;
            if (is_host) continue;
            if (auto colon = token.find(':'); colon != token.npos) token.remove_prefix(colon + 1);
            if (token.size() >= shortest_password) values.emplace_back(token);
        }
    }
}

// "Authorization: Basic …" as http.extraHeader has it: what is sent, and the login in it.
void add_header(std::string_view header, std::vector<std::string>& values) {
    auto colon = header.find(':');
    if (colon == header.npos) return;
    auto value = trim(header.substr(colon + 1));
    if (value.size() < shortest_password) return;
    values.emplace_back(value);
    auto words = split_words(value);
    if (words.size() > 1 && words.back().size() >= shortest_password) values.emplace_back(words.back());
}

// "GIT_CONFIG_KEY_0" and "GIT_CONFIG_VALUE_0" (git help git); older ones in one: GIT_CONFIG_PARAMETERS.
void add_git_setting(const Environment& environment, const std::string& variable, std::string_view value,
                     std::vector<std::string>& values) {
    for (auto& password : passwords_in(value)) values.push_back(std::move(password));
    constexpr std::string_view of_key = "GIT_CONFIG_KEY_", of_value = "GIT_CONFIG_VALUE_";
    if (!variable.starts_with(of_value)) return;
    auto key = to_lower(environment.get_or(std::string(of_key) + variable.substr(of_value.size())));
    if (key.starts_with("http.") && key.ends_with(".extraheader")) add_header(value, values);
}

} // namespace

std::vector<std::string> secrets_of_nix_config(std::string_view config) {
    auto values = passwords_in(config);
    add_access_tokens(config, values);
    return values;
}

std::string netrc_file_of(std::string_view config) {
    std::string file;
    for (auto line : split(config, '\n'))
        if (auto equals = line.find('='); equals != line.npos && trim(line.substr(0, equals)) == "netrc-file")
            file = trim(line.substr(equals + 1));
    return file;
}

bool SecretVariable::is_called(std::string_view variable) const {
    if (!variable.starts_with(name)) return false;
    auto rest = variable.substr(name.size());
    return rest.empty() || names == Names::all_that_begin_so ||
           (names == Names::and_one_for_each_cache && rest.starts_with('_'));
}

std::span<const SecretVariable> secret_variables() { return variables; }

bool is_kept_from_children(std::string_view variable) {
    const auto* secret = find(variable);
    return secret && secret->children == Children::must_not_see;
}

bool names_addresses_of_ours(std::string_view variable) {
    bool is_of_aws = variable.starts_with("AWS_ENDPOINT_URL") || variable == "AWS_CONTAINER_CREDENTIALS_FULL_URI" ||
                     variable == "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    return is_of_aws || variable.starts_with("CACHEFILL_") ||
           (variable.starts_with("NH_") && variable.ends_with("FLAKE"));
}

std::vector<std::filesystem::path> files_of_secrets(const Environment& environment) {
    std::vector<std::filesystem::path> files;
    for (const auto& [name, value] : environment.variables()) {
        const auto* secret = find(name);
        bool is_file = secret && (secret->holds == Holds::path || secret->holds == Holds::profiles);
        if (is_file && !value.empty()) files.emplace_back(value);
    }
    return files;
}

std::vector<std::string> passwords_in(std::string_view text) {
    constexpr std::string_view mark = "://";
    std::vector<std::string> passwords;
    auto take = [&passwords](std::string_view authority) {
        auto sign = authority.rfind('@');
        auto colon = authority.find(':');
        if (sign == authority.npos) return;
        bool has_user = colon < sign;
        auto password = authority.substr(has_user ? colon + 1 : 0, sign - (has_user ? colon + 1 : 0));
        if (password.size() < (has_user ? shortest_password : shortest_token)) return;
        passwords.emplace_back(password);
        if (auto plain = percent_decode(password); plain != password) passwords.push_back(std::move(plain));
        // Where lists are split at ',' each piece may be told by itself.
        if (password.find(',') == password.npos) return;
        for (auto piece : split(password, ','))
            if (piece.size() >= shortest_password) passwords.emplace_back(piece);
    };
    for (std::size_t at = 0; at <= text.size();) {
        auto end = std::min(text.find_first_of(" \t\n\"'", at), text.size());
        auto word = text.substr(at, end - at);
        at = end + 1;
        auto scheme = word.find(mark);
        if (scheme == word.npos) take(word.substr(0, word.find('/')));
        for (; scheme != word.npos; scheme = word.find(mark, scheme)) {
            scheme += mark.size();
            take(word.substr(scheme, word.substr(scheme).find_first_of("/?#")));
        }
    }
    return passwords;
}

std::vector<std::string> secret_values(const Environment& environment) {
    std::vector<std::string> values;
    for (const auto& [name, value] : environment.variables()) {
        if (value.empty()) continue;
        if (name == "NIX_CONFIG")
            for (auto& secret : secrets_of_nix_config(value)) values.push_back(std::move(secret));
        if (name.starts_with("GIT_CONFIG_")) add_git_setting(environment, name, value, values);
        const auto* secret = find(name);
        bool is_whole = secret && (secret->holds == Holds::token || secret->holds == Holds::key);
        // A variable that is only called so may hold a word that stands in every log.
        bool is_short = secret && secret->name.empty() && value.size() < shortest_of_others;
        if (is_whole && !is_short && !names_file(*secret, value)) {
            values.push_back(value);
            auto colon = secret->holds == Holds::key ? value.find(':') : value.npos;
            if (colon != value.npos && colon + 1 < value.size()) values.push_back(value.substr(colon + 1));
        } else if (secret || names_addresses_of_ours(name) || to_lower(name).ends_with("_proxy")) {
            for (auto& password : passwords_in(value)) values.push_back(std::move(password));
        } else if (name != "NIX_CONFIG" && !name.starts_with("GIT_CONFIG_")) {
            for (auto& password : passwords_in_addresses(value)) values.push_back(std::move(password));
        }
    }
    return values;
}

} // namespace cachefill
