#include "http/proxy.hpp"

#include "base/text.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include <algorithm>
#include <array>

namespace cachefill::http {

namespace ip = boost::asio::ip;

namespace {

bool is_in_network(const std::string& network, const std::string& host) {
    boost::system::error_code error;
    auto address = ip::make_address(host, error);
    if (error) return false;
    if (address.is_v4()) {
        auto v4 = ip::make_network_v4(network, error);
        if (error) return false;
        return ip::network_v4(address.to_v4(), v4.prefix_length()).canonical() == v4.canonical();
    }
    auto v6 = ip::make_network_v6(network, error);
    if (error) return false;
    return ip::network_v6(address.to_v6(), v6.prefix_length()).canonical() == v6.canonical();
}

bool covers(std::string_view rule, const Url& url) {
    if (rule == "*") return true;
    if (rule.find('/') != std::string_view::npos) return is_in_network(std::string(rule), url.host);
    // "[::1]:80", "host:80", but "::1" has no port
    if (auto colon = rule.rfind(':');
        colon != std::string_view::npos && (rule.front() == '[' || rule.find(':') == colon)) {
        if (auto port = parse_u64(rule.substr(colon + 1))) {
            if (*port != url.port) return false;
            rule = rule.substr(0, colon);
        }
    }
    if (rule.starts_with('[') && rule.ends_with(']')) rule = rule.substr(1, rule.size() - 2);
    if (rule.starts_with("*.")) rule.remove_prefix(1);
    if (rule.starts_with('.')) rule.remove_prefix(1);
    if (rule.empty() || !url.host.ends_with(rule)) return false;
    return url.host.size() == rule.size() || url.host[url.host.size() - rule.size() - 1] == '.';
}

struct Kind {
    std::string_view scheme;
    Proxy::Kind kind;
    std::uint16_t default_port; // curl's, which Nix has too; http://proxy means 1080, http://proxy:80 means 80
};

const Kind* find_kind(std::string_view scheme) {
    static constexpr std::array<Kind, 6> kinds{{
        {"http", Proxy::Kind::http, 1080},
        {"socks", Proxy::Kind::socks4, 1080},
        {"socks4", Proxy::Kind::socks4, 1080},
        {"socks4a", Proxy::Kind::socks4a, 1080},
        {"socks5", Proxy::Kind::socks5, 1080},
        {"socks5h", Proxy::Kind::socks5h, 1080},
    }};
    auto found = std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.scheme == scheme; });
    return found == kinds.end() ? nullptr : &*found;
}

// Whether "user:password@host:port/…" has a port.
bool names_port(std::string_view text) {
    auto authority = text.substr(0, text.find_first_of("/?#"));
    authority = authority.substr(authority.rfind('@') + 1);
    auto bracket = authority.find(']');
    return authority.find(':', bracket == std::string_view::npos ? 0 : bracket) != std::string_view::npos;
}

} // namespace

std::string Proxy::host_and_port() const {
    auto name = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return name + ":" + std::to_string(port);
}

ProxyRules::ProxyRules(const Environment& environment) {
    auto read = [&](std::initializer_list<const char*> names) {
        for (const auto* name : names)
            if (auto value = environment.get_or(name); !value.empty()) return Setting{name, value};
        return Setting{};
    };
    // Not HTTP_PROXY, which nobody but a CGI's client may have set; curl, and so Nix, does not look at it either.
    http_ = read({"http_proxy", "all_proxy", "ALL_PROXY"});
    https_ = read({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
    auto exempt = to_lower(read({"no_proxy", "NO_PROXY"}).value);
    for (auto& c : exempt)
        if (c == ',') c = ' ';
    for (auto rule : split_words(exempt)) exempt_.emplace_back(rule);
}

bool ProxyRules::is_exempt(const Url& url) const {
    for (const auto& rule : exempt_)
        if (covers(rule, url)) return true;
    return false;
}

Result<std::optional<Proxy>> ProxyRules::find(const Url& url) const {
    const auto& setting = url.tls ? https_ : http_;
    if (setting.value.empty() || is_exempt(url)) return std::optional<Proxy>();
    std::string_view value = setting.value;
    auto scheme_end = value.find("://");
    auto scheme = to_lower(scheme_end == std::string_view::npos ? "http" : value.substr(0, scheme_end));
    auto rest = scheme_end == std::string_view::npos ? value : value.substr(scheme_end + 3);
    const auto* kind = find_kind(scheme);
    if (!kind)
        return Failure(FailureKind::usage, setting.variable + " names a kind of proxy that cannot be used: " +
                                               sanitize(redact_url(setting.value)))
            .with_hint("use an http://, socks4://, socks4a://, socks5:// or socks5h:// proxy, or list the host "
                       "in no_proxy");
    TRY(parsed, with_context(parse_url("http://" + std::string(rest)), "reading " + setting.variable));
    if (!url.tls && is_this_machine(url) && !is_this_machine(parsed)) return std::optional<Proxy>();
    Proxy proxy;
    proxy.kind = kind->kind;
    proxy.host = std::move(parsed.host);
    proxy.port = names_port(rest) ? parsed.port : kind->default_port;
    proxy.credentials = std::move(parsed.credentials);
    return std::optional<Proxy>(std::move(proxy));
}

} // namespace cachefill::http
