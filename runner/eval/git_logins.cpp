#include "eval/git_logins.hpp"

#include "base/text.hpp"

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

bool carries_login(std::string_view header) {
    auto name = to_lower(header.substr(0, header.find(':')));
    for (const char* word : {"auth", "token", "cookie", "secret", "key"})
        if (name.find(word) != name.npos) return true;
    return false;
}

struct Parts {
    std::string scheme, host, port, path;
};

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

void GitLogins::add(std::string_view section, std::string_view subject, std::string_view variable,
                    std::string_view value) {
    auto parts = parts_of(subject);
    auto place = [&](std::string why) {
        places_.push_back({parts.scheme, parts.host, parts.port, parts.path, std::move(why)});
    };
    if (section == "http" && variable == "extraheader" && carries_login(value)) {
        if (subject.empty() || !parts.host.empty()) place("git sends a login along (http.extraHeader)");
    } else if (section == "http" && (variable == "sslcert" || variable == "cookiefile") && !value.empty()) {
        if (!parts.host.empty())
            place("git shows a certificate or cookies there (http.<url>." + std::string(variable) + ")");
    } else if (section == "credential" && variable == "helper" && !value.empty()) {
        if (value == "store" || value.starts_with("store ")) {
            stores_.emplace_back(trim(value.substr(5)));
        } else if (!parts.host.empty() && (!is_public_forge(parts.host) || !parts.path.empty())) {
            place("git has a credential helper for " + sanitize(parts.host));
        }
    } else if (section == "url" && variable == "insteadof") { // an empty one fits every address
        auto known = std::find_if(rewritings_.begin(), rewritings_.end(),
                                  [&](const Rewriting& one) { return one.base == subject; });
        if (known == rewritings_.end()) known = rewritings_.insert(known, {std::string(subject), {}});
        known->prefixes.emplace_back(value);
    }
}

void GitLogins::add_stored(std::string_view file) {
    for (auto line : split(file, '\n')) {
        auto parts = parts_of(trim(line));
        if (parts.host.empty()) continue;
        auto why = "git has a login for " + sanitize(parts.host) + " stored (credential.helper)";
        places_.push_back({parts.scheme, parts.host, parts.port, {}, std::move(why)});
    }
}

// As git matches http.<url>: scheme, host and port the same, the path from its beginning in whole names.
bool GitLogins::covers(const Place& place, const std::string& url) {
    if (place.scheme.empty()) return true;
    auto parts = parts_of(url);
    return parts.scheme == place.scheme && parts.port == place.port && glob_match(place.host, parts.host) &&
           (parts.path + "/").starts_with(place.path + "/");
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
    return {};
}

std::string GitLogins::why_private(const std::string& url) const {
    auto why = why_private_at(url);
    return why.empty() ? why_private_at(rewritten(url)) : why;
}

} // namespace cachefill::eval
