#include "eval/locked_sources.hpp"

#include "base/text.hpp"
#include "eval/private_network.hpp"
#include "eval/submodules.hpp"
#include "nix/flake_url.hpp"
#include "nix/locked_path.hpp"

#include <boost/url/parse.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <map>

namespace cachefill::eval {

namespace {

using Json = nlohmann::json;

struct Forge {
    std::string_view type, host;
};
constexpr std::array forges{Forge{"github", "github.com"}, Forge{"gitlab", "gitlab.com"},
                            Forge{"sourcehut", "git.sr.ht"}};

std::string text_in(const Json& object, const char* key) {
    auto it = object.find(key);
    return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

enum class UnseenLogins { count, do_not };
std::string why_private_host(std::string host, const PrivateAccess& access, UnseenLogins unseen = UnseenLogins::count) {
    if (host.ends_with('.')) host.pop_back();
    if (is_of_a_private_network(host)) return host + " is of a private network";
    if (access.has_login && access.has_login(host)) return "a login for " + host + " is set up here (netrc)";
    if (access.has_unseen_logins && unseen == UnseenLogins::count)
        return "whether a login for " + host + " is set up here (netrc) cannot be read";
    return {};
}

// Of a forge, as Nix puts it into addresses; it may hold whatever an authority does.
struct ForgeHost {
    std::string name, port; // no name: it is more than a host, or none
    bool has_login = false;
};
ForgeHost parse_forge_host(const std::string& text) {
    auto address = "https://" + text;
    auto url = boost::urls::parse_uri(address);
    if (!url) return {.name = {}, .port = {}, .has_login = text.find('@') != text.npos};
    ForgeHost host{.name = to_lower(url->host()), .port = std::string(url->port()), .has_login = url->has_userinfo()};
    bool is_more = (!url->path().empty() && url->path() != "/") || url->has_query() || url->has_fragment();
    if (is_more) host.name.clear();
    return host;
}

std::string without_port(const std::string& token) {
    auto colon = token.find(':'), slash = std::min(token.find('/'), token.size());
    return colon < slash ? token.substr(0, colon) + token.substr(slash) : token;
}

// Names by which a forge hands out the same repositories.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> other_hosts{
    {{"raw.githubusercontent.com", "github.com"},
     {"media.githubusercontent.com", "github.com"},
     {"objects.githubusercontent.com", "github.com"},
     {"release-assets.githubusercontent.com", "github.com"},
     {"gist.githubusercontent.com", "github.com"},
     {"gist.github.com", "github.com"},
     {"ssh.github.com", "github.com"}}};
constexpr std::array<std::string_view, 6> other_names{"www.", "api.", "codeload.", "raw.", "media.", "uploads."};

std::string forge_of(std::string host) {
    for (const auto& [other, forge] : other_hosts)
        if (host == other) return std::string(forge);
    for (auto name : other_names)
        if (host.starts_with(name)) return host.substr(name.size());
    return host;
}

// "/owner/repository/…" as a server takes it, and without what stands before the owner. Empty where a path names none,
// but a number.
std::string owner_first(const std::string& given) {
    std::vector<std::string> parts;
    const auto decoded = percent_decode(given); // a group of GitLab's: "team%2Fsub"
    for (auto part : split(decoded, '/')) {
        if (part == ".." && !parts.empty()) parts.pop_back();
        if (!part.empty() && part != "." && part != "..") parts.push_back(to_lower(part));
    }
    auto begins = [&parts](std::initializer_list<std::string_view> words) {
        return parts.size() > words.size() && std::equal(words.begin(), words.end(), parts.begin());
    };
    auto drop = [&parts](std::ptrdiff_t count) { parts.erase(parts.begin(), parts.begin() + count); };
    if (begins({"api", "v3"})) drop(2); // GitHub's, where it is a server of somebody's own
    bool has_number = begins({"repositories"}) || begins({"github-production-release-asset"});
    if (begins({"repos"}) || begins({"media"})) drop(1);
    if (begins({"api", "v4", "projects"})) {
        drop(3);
        has_number = parts.front().find_first_not_of("0123456789") == std::string::npos;
    }
    return has_number ? std::string() : "/" + join(parts, "/");
}

// Whom a token tells of: a whole host, but for the public forges, or an owner there, in whatever way it is fetched.
std::string why_private_by_token(const std::string& given_host, const std::string& path, const PrivateAccess& access) {
    const auto owner = owner_first(path);
    const auto plain_host = given_host.substr(0, given_host.size() - (given_host.ends_with('.') ? 1 : 0));
    for (const auto& host : {plain_host, forge_of(plain_host)}) {
        bool is_public_forge =
            std::any_of(forges.begin(), forges.end(), [&](const Forge& one) { return one.host == host; });
        for (const auto& named : access.tokens) {
            auto token = without_port(named);
            auto lower = to_lower(token);
            bool is_of_owner = lower.starts_with(host + "/");
            bool is_for_this = is_of_owner && (owner.empty() || (host + owner + "/").starts_with(lower + "/"));
            if (is_for_this || (lower == host && !is_public_forge)) return "there is an access token for " + token;
        }
    }
    return {};
}

std::string why_private_forge(const Forge& forge, const Json& locked, const PrivateAccess& access) {
    auto given = text_in(locked, "host");
    auto parsed = parse_forge_host(given.empty() ? std::string(forge.host) : given);
    if (parsed.has_login) return "it is fetched with a login in its host";
    if (parsed.name.empty()) return "where it comes from (its host) cannot be told";
    auto host = parsed.name;
    // Many machines have a netrc that is root's alone, and nearly all inputs come from here: what is private here is
    // fetched with an access token.
    auto unseen = host == forge.host ? UnseenLogins::do_not : UnseenLogins::count;
    if (auto why = why_private_host(host, access, unseen); !why.empty()) return why;
    // Nix asks these for archives, and netrc may name them alone.
    for (const char* other : {"api.", "codeload."})
        if (access.has_login && access.has_login(other + host))
            return "a login for " + (other + host) + " is set up here (netrc)";
    return why_private_by_token(host, "/" + text_in(locked, "owner") + "/" + text_in(locked, "repo"), access);
}

std::string why_private_url(const std::string& text, const PrivateAccess& access) {
    auto url = boost::urls::parse_uri(text);
    if (!url || url->host().empty()) return "it comes from a place of this machine"; // a path, or git's user@host:path
    auto scheme = std::string(url->scheme());
    if (scheme == "file") return "it comes from a place of this machine";
    if (scheme != "https" && scheme != "http" && scheme != "git") return "it is fetched by " + scheme;
    if (nix::has_login(text)) return "it is fetched with a login in its address";
    if (nix::may_have_login(text)) return "its address has a part that may be a login";
    auto host = to_lower(url->host());
    if (auto why = why_private_host(host, access); !why.empty()) return why;
    return why_private_by_token(host, url->path(), access);
}

std::string why_private_git(const std::string& url, const PrivateAccess& access) {
    if (auto why = why_private_url(url, access); !why.empty()) return why;
    auto led_to = access.rewritten_by_git ? access.rewritten_by_git(url) : url;
    if (led_to != url)
        if (auto why = why_private_url(led_to, access); !why.empty())
            return "git is led to another address (url.….insteadOf), and " + why;
    return access.why_by_git ? access.why_by_git(url) : std::string();
}

// They are part of the tree, and the lock does not say where they come from.
std::string why_private_submodule(const std::string& url, const nix::StorePath& path, const PrivateAccess& access) {
    auto urls = access.tree ? submodule_urls(access.tree(path), url) : std::vector<std::string>();
    if (!access.tree || !urls) return "where its submodules come from cannot be seen";
    for (const auto& one : *urls)
        if (auto why = why_private_git(one, access); !why.empty())
            return "of its submodule " + sanitize(nix::without_tokens(redact_url(one))) + ", " + why;
    return {};
}

std::string why_private(const Json& locked, const nix::StorePath& path, const PrivateAccess& access) {
    auto type = text_in(locked, "type");
    for (const auto& forge : forges)
        if (type == forge.type) return why_private_forge(forge, locked, access);
    if (type == "path") return "it comes from a place of this machine";
    auto url = text_in(locked, "url");
    if (type == "git") {
        auto why = why_private_git(url, access);
        bool has_submodules = why.empty() && locked.value("submodules", Json()) == Json(true);
        return has_submodules ? why_private_submodule(url, path, access) : why;
    }
    if (type == "hg") {
        auto why = why_private_url(url, access);
        return why.empty() && access.why_by_hg ? access.why_by_hg() : why;
    }
    if (type == "tarball" || type == "file") return why_private_url(url, access);
    return "how it is fetched ('" + sanitize(type) + "') is not known here";
}

std::string place_of(const Json& locked) {
    auto type = text_in(locked, "type");
    auto host = text_in(locked, "host");
    auto parsed = parse_forge_host(host);
    auto shown = parsed.name.empty() ? "…" : parsed.name + (parsed.port.empty() ? "" : ":" + parsed.port);
    for (const auto& forge : forges)
        if (type == forge.type)
            return type + ":" + text_in(locked, "owner") + "/" + text_in(locked, "repo") +
                   (host.empty() ? "" : "?host=" + shown);
    if (type == "path") return redact_url("path:" + text_in(locked, "path"));
    return nix::without_tokens(redact_url(text_in(locked, "url")));
}

// Which path each node of the lock is, by what `nix flake archive --json` says of inputs and theirs.
std::map<std::string, nix::StorePath> archived_paths(const Json& lock, std::string_view archive) {
    std::map<std::string, nix::StorePath> paths;
    auto tree = Json::parse(archive, nullptr, false);
    const auto& nodes = lock["nodes"];
    std::vector<std::pair<std::string, const Json*>> open{{text_in(lock, "root"), &tree}};
    while (!open.empty()) {
        auto [name, archived] = open.back();
        open.pop_back();
        if (!archived->is_object() || !nodes.contains(name) || !nodes[name].is_object()) continue;
        if (auto path = nix::StorePath::parse(text_in(*archived, "path"))) paths.emplace(name, std::move(*path));
        auto inputs = archived->find("inputs");
        auto named = nodes[name].find("inputs");
        if (inputs == archived->end() || !inputs->is_object() || named == nodes[name].end() || !named->is_object())
            continue;
        for (const auto& [input, below] : inputs->items()) // what follows another input is that one's node
            if (auto node = named->find(input); node != named->end() && node->is_string())
                open.emplace_back(node->get<std::string>(), &below);
    }
    return paths;
}

} // namespace

std::vector<LockedSource> locked_sources(std::string_view lock, const PrivateAccess& access, std::string_view archive) {
    std::vector<LockedSource> sources;
    auto json = Json::parse(lock, nullptr, false);
    auto nodes = json.is_object() ? json.find("nodes") : json.end();
    if (!json.is_object() || nodes == json.end() || !nodes->is_object()) return sources;
    auto archived = archive.empty() ? std::map<std::string, nix::StorePath>() : archived_paths(json, archive);
    for (const auto& [name, node] : nodes->items()) {
        auto locked = node.is_object() ? node.find("locked") : node.end();
        if (!node.is_object() || locked == node.end() || !locked->is_object()) continue;
        auto hash = codec::Hash::parse(text_in(*locked, "narHash"));
        auto known = archived.find(name);
        bool is_hashed = hash && hash->algorithm() == codec::HashAlgorithm::sha256;
        if (!is_hashed && known == archived.end()) continue;
        auto place = sanitize(place_of(*locked));
        auto path = is_hashed ? nix::locked_path(*hash) : known->second;
        auto why = why_private(*locked, path, access);
        sources.push_back({.path = std::move(path),
                           .place = place,
                           .origin = "the input " + sanitize(name) + " (" + place + ")",
                           .why_private = std::move(why)});
    }
    return sources;
}

} // namespace cachefill::eval
