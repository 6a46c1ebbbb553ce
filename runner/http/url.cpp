#include "http/url.hpp"

#include "base/text.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>

#include <algorithm>
#include <vector>

namespace cachefill::http {

namespace urls = boost::urls;

namespace {

std::string bracketed(const std::string& host) { return host.find(':') == std::string::npos ? host : "[" + host + "]"; }

// RFC 3986, 5.2.4. Curl, and so Nix, asks without "." and ".."; a server that keeps objects by name does not undo them.
std::string without_dots(std::string_view path) {
    std::vector<std::string_view> kept;
    for (std::size_t start = 1; start <= path.size();) {
        auto end = std::min(path.find('/', start), path.size());
        auto segment = path.substr(start, end - start);
        bool is_dots = segment == "." || segment == "..";
        if (segment == ".." && !kept.empty()) kept.pop_back();
        if (!is_dots) kept.push_back(segment);
        if (is_dots && end == path.size()) kept.emplace_back(); // what it leads to is a directory
        start = end + 1;
    }
    std::string text;
    for (auto segment : kept) text.append("/").append(segment);
    return text.empty() ? "/" : text;
}

bool has_control_characters(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

// RFC 3986, 3.2.2, with nothing left to encode, so that the host stands in an address as it is.
bool is_host(std::string_view host, bool is_ipv6) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=";
    return std::all_of(host.begin(), host.end(),
                       [&](char c) { return allowed.find(c) != allowed.npos || (is_ipv6 && c == ':'); });
}

Result<Url> from_view(const urls::url_view& view, std::string_view text, FailureKind kind) {
    auto fail = [&](const std::string& why) { return Failure(kind, "'" + sanitize(redact_url(text)) + "' " + why); };
    Url url;
    auto scheme = to_lower(std::string_view(view.scheme().data(), view.scheme().size()));
    if (scheme != "http" && scheme != "https") return fail("is no http or https URL");
    url.tls = scheme == "https";
    url.host = to_lower(view.host_address());
    if (url.host.empty()) return fail("names no host");
    // "%00" would end the name for whoever looks it up, and "%2F" for a person; other alphabets are written "xn--…".
    if (!is_host(url.host, view.host_type() == urls::host_type::ipv6))
        return fail("names a host with characters that no host has");
    url.port = url.default_port();
    // port_number() of Boost 1.81 wraps around.
    if (std::string_view digits(view.port().data(), view.port().size()); !digits.empty()) {
        auto number = parse_u64(digits);
        if (!number || *number == 0 || *number > 65535) return fail("has a port that does not exist");
        url.port = static_cast<std::uint16_t>(*number);
    }
    auto path = view.encoded_path();
    // Boost 1.81 takes the beginning of 127.0.0.1.example.org for all of the host.
    if (path.size() > 0 && path.front() != '/') return fail("has a host that begins as an address of IPv4 does");
    url.target = without_dots({path.data(), path.size()});
    if (view.has_query()) {
        auto query = view.encoded_query();
        url.target += '?';
        url.target.append(query.data(), query.size());
    }
    return url;
}

// Servers send Location fields with blanks and worse in them; browsers and curl encode those.
std::string encode_forbidden(std::string_view text) {
    std::string encoded;
    for (char c : text) {
        bool forbidden = c <= ' ' || c == 0x7F || std::string_view("\"<>\\^`{|}").find(c) != std::string_view::npos;
        if (forbidden)
            encoded += percent_encode(std::string_view(&c, 1));
        else
            encoded += c;
    }
    return encoded;
}

} // namespace

std::string Url::authority() const {
    return port == default_port() ? bracketed(host) : bracketed(host) + ":" + std::to_string(port);
}

std::string Url::host_and_port() const { return bracketed(host) + ":" + std::to_string(port); }

std::string Url::to_string() const { return (tls ? "https://" : "http://") + authority() + target; }

Result<Url> parse_url(std::string_view text) {
    auto fail = [&](const char* why) { return Failure(FailureKind::usage, "'" + sanitize(redact_url(text)) + why); };
    // Passwords have characters in them that a URL should not: taken out first, up to the last '@' before the path, and
    // decoded as curl does it.
    std::string bare(text);
    std::optional<Secret> credentials;
    auto scheme_end = text.find("://");
    auto authority = scheme_end == std::string_view::npos ? text.size() : scheme_end + 3;
    auto at = text.substr(0, text.find_first_of("/?#", authority)).rfind('@');
    if (at != std::string_view::npos && at >= authority) {
        auto login = text.substr(authority, at - authority);
        auto colon = std::min(login.find(':'), login.size());
        auto user = percent_decode(login.substr(0, colon));
        auto password = percent_decode(login.substr(std::min(colon + 1, login.size())));
        if (has_control_characters(user) || has_control_characters(password))
            return fail("' has control characters in its user name or password");
        credentials = Secret(colon == login.size() ? user : user + ":" + password);
        bare.erase(authority, at + 1 - authority);
    }
    auto view = urls::parse_uri(bare);
    if (!view) return fail("' is no URL");
    TRY(url, from_view(*view, text, FailureKind::usage));
    url.credentials = std::move(credentials);
    return url;
}

Result<Url> resolve_location(const Url& base, std::string_view location) {
    auto encoded = encode_forbidden(location);
    auto base_text = base.to_string();
    auto base_view = urls::parse_uri(base_text);
    auto reference = urls::parse_uri_reference(encoded);
    urls::url absolute;
    if (!base_view || !reference || !urls::resolve(*base_view, *reference, absolute))
        return Failure(FailureKind::protocol, "'" + sanitize(redact_url(encoded)) + "' is no URL to go on to");
    return from_view(absolute, encoded, FailureKind::protocol);
}

std::string without_slash_at_end(std::string url) {
    while (url.ends_with('/')) url.pop_back();
    return url;
}

bool is_same_host(const Url& a, const Url& b) {
    bool same_port = a.port == b.port || (a.port == a.default_port() && b.port == b.default_port());
    return a.host == b.host && same_port;
}

bool is_this_machine(const Url& url) {
    const auto& host = url.host;
    return host == "localhost" || host.ends_with(".localhost") || host == "::1" ||
           (host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos);
}

bool is_in_the_open(const Url& url) { return !url.tls && !is_this_machine(url); }

} // namespace cachefill::http
