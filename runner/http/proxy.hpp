#pragma once

#include "base/environment.hpp"
#include "http/url.hpp"

#include <string>
#include <vector>

namespace cachefill::http {

// A proxy as curl knows them, and how it is spoken to. Of the SOCKS ones, socks4 and socks5 are told addresses that we
// look up, socks4a and socks5h the names.
struct Proxy {
    enum class Kind { http, socks4, socks4a, socks5, socks5h };

    Kind kind = Kind::http;
    std::string host;
    std::uint16_t port = 0;
    std::optional<Secret> credentials; // "user:password"

    bool is_socks() const { return kind != Kind::http; }
    std::string host_and_port() const;
};

// Which proxy to take where, from http_proxy, https_proxy, all_proxy and no_proxy (lower case first, then upper case).
// no_proxy has host names, which cover their subdomains, IP addresses and networks (10.0.0.0/8), each perhaps with a
// port, or "*".
class ProxyRules {
  public:
    explicit ProxyRules(const Environment& environment);

    // Empty: go there directly. A usage failure when the variable is unusable, or names a kind of proxy that we do not
    // know.
    Result<std::optional<Proxy>> find(const Url& url) const;

  private:
    struct Setting {
        std::string variable;
        std::string value;
    };

    bool is_exempt(const Url& url) const;

    Setting http_;
    Setting https_;
    std::vector<std::string> exempt_;
};

} // namespace cachefill::http
