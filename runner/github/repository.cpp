#include "github/repository.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <vector>

namespace cachefill::github {

namespace {

bool is_name(std::string_view text) {
    return !text.empty() && text != "." && text != ".." && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    });
}

// Perhaps with a port, or an address of IPv6. No escapes: what they hide would decide who gets a token.
bool is_host(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-_.:[]").find(c) != std::string_view::npos;
    });
}

std::optional<Repository> from_parts(std::string_view host, std::string_view path) {
    while (path.starts_with('/')) path.remove_prefix(1);
    while (path.ends_with('/')) path.remove_suffix(1);
    if (path.ends_with(".git")) path.remove_suffix(4);
    auto parts = split(path, '/');
    if (!is_host(host) || parts.size() != 2 || !is_name(parts[0]) || !is_name(parts[1])) return {};
    Repository repository;
    repository.host = to_lower(host);
    repository.owner = parts[0];
    repository.name = parts[1];
    if (repository.host == "ssh.github.com" || repository.host == "www.github.com") repository.host = "github.com";
    return repository;
}

std::string_view without_user(std::string_view authority) {
    auto at = authority.rfind('@');
    return at == authority.npos ? authority : authority.substr(at + 1);
}

// With its port, in lower case, as in Repository.
std::string host_of(std::string_view url) {
    auto scheme = url.find("://");
    if (scheme == url.npos) return {};
    auto rest = url.substr(scheme + 3);
    return to_lower(without_user(rest.substr(0, rest.find('/'))));
}

} // namespace

std::optional<Repository> parse_remote(std::string_view url) {
    url = trim(url);
    if (url.starts_with("git+")) url.remove_prefix(4);
    url = url.substr(0, url.find_first_of("?#"));
    if (url.starts_with("github:")) {
        auto parts = split(url.substr(7), '/'); // a third part is a branch or revision
        if (parts.size() < 2) return {};
        return from_parts("github.com", std::string(parts[0]) + "/" + std::string(parts[1]));
    }
    if (auto scheme = url.find("://"); scheme != url.npos) {
        auto name = url.substr(0, scheme);
        auto rest = url.substr(scheme + 3);
        auto slash = rest.find('/');
        if (slash == rest.npos) return {};
        auto authority = without_user(rest.substr(0, slash));
        if (name == "https" || name == "http") return from_parts(authority, rest.substr(slash));
        // The port of SSH says nothing about where the API listens.
        if (name == "ssh" || name == "git")
            return from_parts(authority.substr(0, authority.find(':')), rest.substr(slash));
        return {};
    }
    auto colon = url.find(':'); // scp's form; a path before the colon is no host
    if (colon == url.npos || url.substr(0, colon).find('/') != url.npos) return {};
    return from_parts(without_user(url.substr(0, colon)), url.substr(colon + 1));
}

std::string api_url_of(const Repository& repository, const Environment& environment) {
    auto set = environment.get_or("GITHUB_API_URL");
    while (set.ends_with('/')) set.pop_back();
    if (!set.empty()) return set;
    if (repository.host == "github.com") return "https://api.github.com";
    if (repository.host.ends_with(".ghe.com")) return "https://api." + repository.host;
    return "https://" + repository.host + "/api/v3";
}

std::optional<Token> find_token(const Repository& repository, const Environment& environment,
                                std::string_view access_tokens) {
    bool is_githubs_own = repository.host == "github.com" || repository.host.ends_with(".ghe.com");
    auto api = host_of(environment.get_or("GITHUB_API_URL"));
    bool goes_there = api.empty() || api == repository.host || api == "api." + repository.host;
    auto enterprise = environment.get_or("GH_HOST");
    bool is_ours = enterprise.empty() ? !api.empty() : iequals(enterprise, repository.host);
    std::vector<std::string> names;
    if (!is_githubs_own && goes_there && is_ours)
        names.insert(names.end(), {"GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"});
    // Whoever set that URL says where the token goes; a remote called origin does not.
    if (is_githubs_own || !api.empty()) names.insert(names.end(), {"GH_TOKEN", "GITHUB_TOKEN"});
    for (const auto& name : names)
        if (auto value = environment.get_or(name); !value.empty())
            return Token{.secret = Secret(std::string(trim(value))), .source = name};
    if (!goes_there) return {};
    std::string_view best, best_token;
    for (auto entry : split_words(access_tokens)) {
        auto equals = entry.find('=');
        if (equals == entry.npos) continue;
        auto scope = entry.substr(0, equals);
        auto full = repository.host + "/" + repository.full_name();
        bool fits = iequals(scope, repository.host) || iequals(scope, repository.host + "/" + repository.owner) ||
                    iequals(scope, full);
        if (!fits || scope.size() <= best.size()) continue;
        best = scope;
        best_token = entry.substr(equals + 1);
    }
    if (best_token.starts_with("PAT:") || best_token.starts_with("OAuth2:"))
        best_token.remove_prefix(best_token.find(':') + 1);
    if (best_token.empty()) return {};
    return Token{.secret = Secret(std::string(best_token)), .source = "Nix's access-tokens"};
}

std::optional<Token> token_of_step(const Environment& environment) {
    for (const auto* name : {"CACHEFILL_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"}) {
        auto value = environment.get_or(name);
        if (auto token = trim(value); !token.empty())
            return Token{.secret = Secret(std::string(token)), .source = name};
    }
    return {};
}

} // namespace cachefill::github
