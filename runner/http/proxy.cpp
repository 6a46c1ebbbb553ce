#include "http/proxy.hpp"

#include "base/text.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

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

} // namespace

ProxyRules::ProxyRules(const Environment& environment) {
    auto read = [&](std::initializer_list<const char*> names) {
        for (const auto* name : names)
            if (auto value = environment.get_or(name); !value.empty()) return Setting{name, value};
        return Setting{};
    };
    http_ = read({"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"});
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

Result<std::optional<Url>> ProxyRules::find(const Url& url) const {
    const auto& setting = url.tls ? https_ : http_;
    if (setting.value.empty() || is_exempt(url)) return std::optional<Url>();
    bool has_scheme = setting.value.find("://") != std::string::npos;
    auto text = has_scheme ? setting.value : "http://" + setting.value;
    if (!to_lower(text).starts_with("http://"))
        return Failure(FailureKind::usage, setting.variable + " names a proxy that is not spoken to in plain HTTP: " +
                                               sanitize(redact_url(text)))
            .with_hint(
                "use an http:// proxy (https:// URLs pass through it in a tunnel), or list the host in no_proxy");
    TRY(proxy, with_context(parse_url(text), "reading " + setting.variable));
    // curl's default, which Nix has too; http://proxy means 1080, http://proxy:80 means 80.
    auto authority = text.substr(text.find("://") + 3);
    authority = authority.substr(0, authority.find_first_of("/?#"));
    authority = authority.substr(authority.rfind('@') + 1);
    auto after_address = authority.find(']') == std::string::npos ? 0 : authority.find(']');
    if (authority.find(':', after_address) == std::string::npos) proxy.port = 1080;
    return std::optional<Url>(std::move(proxy));
}

} // namespace cachefill::http
