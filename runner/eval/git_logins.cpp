#include "eval/git_logins.hpp"

#include "base/text.hpp"
#include "base/url_query.hpp"
#include "eval/credential_store.hpp"

#include <boost/url/parse.hpp>

#include <algorithm>
#include <array>

namespace cachefill::eval {

namespace {

// Where nearly everybody has an account: a helper, or ssh instead of https, for all of it says nothing of one
// repository.
constexpr std::array<std::string_view, 5> public_forges{"github.com", "gist.github.com", "gitlab.com", "git.sr.ht",
                                                        "codeberg.org"};

bool is_public_forge(std::string_view host) {
    return std::find(public_forges.begin(), public_forges.end(), host) != public_forges.end();
}

// A server may call its own login what it likes.
constexpr std::array<std::string_view, 10> harmless_headers{
    "accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "connection",
    "dnt",    "expect",         "pragma",          "user-agent"};

bool carries_login(std::string_view header) {
    if (trim(header).empty()) return false; // ends the list of those before
    auto colon = header.find(':');
    auto name = to_lower(trim(header.substr(0, colon)));
    if (colon == header.npos ||
        std::find(harmless_headers.begin(), harmless_headers.end(), name) == harmless_headers.end())
        return true;
    auto words = split_words(header.substr(colon + 1));
    return std::any_of(words.begin(), words.end(), looks_like_token);
}

bool is_one_of(std::string_view value, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), to_lower(trim(value))) != words.end();
}

// For one host, and so said by whoever knows that it is not reached as everybody reaches it: by a tunnel, or past the
// proxy that all others take ("" and "none"), or with a certificate that nobody vouches for in public.
std::string why_reached_otherwise(std::string_view variable, std::string_view value) {
    if (variable == "proxy") return "git has a proxy of its own for it (http.<url>.proxy)";
    if (is_one_of(variable, {"sslcainfo", "sslcapath", "pinnedpubkey", "sslkey"}) ||
        (variable == "sslverify" && is_one_of(value, {"false", "no", "off", "0"})))
        return "git knows its certificate by a setting of its own (http.<url>." + std::string(variable) + ")";
    return {};
}

using Parts = GitLogins::Parts;

Parts parts_of(std::string_view text) {
    Parts parts;
    auto url = boost::urls::parse_uri(text);
    if (!url) return parts;
    parts.scheme = to_lower(std::string(url->scheme()));
    parts.host = to_lower(url->host());
    parts.port = std::string(url->port());
    if (parts.port == (parts.scheme == "https" ? "443" : "80")) parts.port.clear();
    parts.path = url->path();
    while (parts.path.ends_with('/')) parts.path.pop_back();
    return parts;
}

// credential.<url>: git takes a host without a scheme here, too.
Parts parts_of_host(std::string_view subject) {
    bool is_bare = !subject.empty() && subject.find("://") == subject.npos;
    auto parts = parts_of((is_bare ? "https://" : "") + std::string(subject));
    if (is_bare) parts.scheme.clear();
    return parts;
}

// Of git@host:path and ssh://git@host/path; empty for what is not by ssh.
std::string host_by_ssh(std::string_view url) {
    auto scheme = url.find("://");
    if (scheme != url.npos) return url.substr(0, scheme).find("ssh") == url.npos ? std::string() : parts_of(url).host;
    auto host = url.substr(0, url.find(':'));
    if (host.size() == url.size() || host.find('/') != host.npos) return {};
    return to_lower(host.substr(host.find('@') == host.npos ? 0 : host.find('@') + 1));
}

// Who takes ssh for all of a public forge has an account there, as nearly everybody.
bool is_ssh_for_all(const std::string& base, const std::string& prefix) {
    auto from = parts_of(prefix);
    auto host = host_by_ssh(base);
    return is_public_forge(from.host) && from.path.empty() &&
           (host == from.host || host == "ssh." + from.host || host == "altssh." + from.host);
}

} // namespace

GitLogins GitLogins::from_config(std::string_view listing) {
    GitLogins logins;
    for (auto entry : split(listing, '\0')) {
        auto key = entry.substr(0, entry.find('\n'));
        auto value = key.size() < entry.size() ? entry.substr(key.size() + 1) : std::string_view();
        auto first = key.find('.'), last = key.rfind('.');
        if (first == key.npos) continue;
        auto subject = first < last ? key.substr(first + 1, last - first - 1) : std::string_view();
        logins.add(key.substr(0, first), subject, key.substr(last + 1), value);
    }
    return logins;
}

GitLogins GitLogins::unknown() {
    GitLogins logins;
    logins.places_.push_back(
        {{{}, {}, {}, {}}, "what git sends along cannot be told: its configuration cannot be read"});
    return logins;
}

void GitLogins::add(std::string_view section, std::string_view subject, std::string_view variable,
                    std::string_view value) {
    if (section == "http") {
        add_http(subject, variable, value);
    } else if (section == "credential" && variable == "helper" && !trim(value).empty()) {
        add_helper(subject, value);
    } else if (section == "credential" && variable == "username" && !trim(value).empty()) {
        add_of_host(parts_of_host(subject), "git has an account there (credential.<url>.username)");
    } else if (section == "core" && variable == "gitproxy") {
        add_git_proxy(value);
    } else if (section == "url" && variable == "insteadof") { // an empty one fits every address
        auto known = std::find_if(rewritings_.begin(), rewritings_.end(),
                                  [&](const Rewriting& one) { return one.base == subject; });
        if (known == rewritings_.end()) known = rewritings_.insert(known, {std::string(subject), {}});
        known->prefixes.emplace_back(value);
    }
}

void GitLogins::add_http(std::string_view subject, std::string_view variable, std::string_view value) {
    auto parts = parts_of(subject);
    if (!subject.empty() && parts.host.empty()) return; // git takes no notice of it either
    std::string why;
    if (variable == "extraheader" && carries_login(value)) {
        why = "git sends a login along (http.extraHeader)";
    } else if ((variable == "sslcert" || variable == "cookiefile") && !value.empty()) {
        why = "git shows a certificate or cookies there (http." + std::string(subject.empty() ? "" : "<url>.") +
              std::string(variable) + ")";
    } else if ((variable == "emptyauth" && !is_one_of(value, {"false", "no", "off", "0", "auto"})) ||
               (variable == "delegation" && !is_one_of(value, {"none", ""}))) {
        why = "git logs in there by what the machine knows of its user (http." + std::string(variable) + ")";
    } else if (variable == "curloptresolve" && !value.starts_with('-')) { // "[+]HOST:PORT:ADDRESS"
        auto host = to_lower(value.substr(value.starts_with('+') ? 1 : 0));
        host.resize(std::min(host.find(':'), host.size()));
        places_.push_back({{{}, std::move(host), {}, {}}, "git is told where that is (http.curloptResolve)"});
        return;
    }
    if (!why.empty()) return places_.push_back({std::move(parts), std::move(why)});
    if (auto other = why_reached_otherwise(variable, value); !other.empty())
        add_of_host(std::move(parts), std::move(other));
}

// What says nothing where it is for everything, or for all of a public forge.
void GitLogins::add_of_host(Parts parts, std::string why) {
    if (parts.host.empty() || (is_public_forge(parts.host) && parts.path.empty())) return;
    places_.push_back({std::move(parts), std::move(why)});
}

// "COMMAND for DOMAIN", which is for hosts in it, too.
void GitLogins::add_git_proxy(std::string_view value) {
    constexpr std::string_view mark = " for ";
    auto at = value.rfind(mark);
    if (at == value.npos) return;
    auto domain = to_lower(trim(value.substr(at + mark.size())));
    std::erase(domain, '"');
    if (domain.empty() || is_public_forge(domain)) return;
    for (const auto& host : {domain, "*." + domain})
        places_.push_back({{{}, host, {}, {}}, "git has a proxy of its own for it (core.gitProxy)"});
}

void GitLogins::add_helper(std::string_view subject, std::string_view value) {
    auto parts = parts_of_host(subject);
    if (auto store = credential_store(value)) {
        if (store->is_known) return stores_.push_back(store->file);
        places_.push_back({std::move(parts), "git stores logins in a file that cannot be told (credential.helper)"});
    } else {
        auto why = "git has a credential helper for " + sanitize(parts.host);
        add_of_host(std::move(parts), std::move(why));
    }
}

void GitLogins::add_stored(std::string_view file) {
    for (auto line : split(file, '\n')) {
        auto parts = parts_of(trim(line));
        if (parts.host.empty()) continue;
        auto why = "git has a login for " + sanitize(parts.host) + " stored (credential.helper)";
        parts.path.clear();
        places_.push_back({std::move(parts), std::move(why)});
    }
}

// As git matches http.<url>: scheme, host and port the same, the path from its beginning in whole names.
bool GitLogins::covers(const Place& place, const std::string& url) {
    if (place.scheme.empty() && place.host.empty()) return true;
    auto parts = parts_of(url);
    bool is_same = place.scheme.empty() || (parts.scheme == place.scheme && parts.port == place.port);
    return is_same && glob_match(place.host, parts.host) && (parts.path + "/").starts_with(place.path + "/");
}

// As git's alias_url(): of equally long ones that of the base that was named first.
std::string GitLogins::rewritten(const std::string& url) const {
    const std::string *base = nullptr, *longest = nullptr;
    for (const auto& rewriting : rewritings_)
        for (const auto& prefix : rewriting.prefixes)
            if (url.starts_with(prefix) && (!longest || longest->size() < prefix.size())) {
                base = &rewriting.base;
                longest = &prefix;
            }
    if (!longest || is_ssh_for_all(*base, *longest)) return url;
    return *base + url.substr(longest->size());
}

std::string GitLogins::why_private_at(const std::string& url) const {
    for (const auto& place : places_)
        if (covers(place, url)) return place.why;
    auto host = parts_of(url).host;
    if (has_login_ && !host.empty() && has_login_(host)) return "git has a login for " + sanitize(host) + " (~/.netrc)";
    return {};
}

std::string GitLogins::why_private(const std::string& url) const {
    auto why = why_private_at(url);
    return why.empty() ? why_private_at(rewritten(url)) : why;
}

} // namespace cachefill::eval
