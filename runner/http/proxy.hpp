#pragma once

#include "base/environment.hpp"
#include "http/url.hpp"

#include <string>
#include <vector>

namespace cachefill::http {

// Which proxy to take where, from http_proxy, https_proxy, all_proxy and no_proxy (lower case first, then upper case).
// no_proxy has host names, which cover their subdomains, IP addresses and networks (10.0.0.0/8), each perhaps with a
// port, or "*".
class ProxyRules {
  public:
    explicit ProxyRules(const Environment& environment);

    // Empty: go there directly. A usage failure when the variable is unusable, or names a kind of proxy that is not
    // plain HTTP.
    Result<std::optional<Url>> find(const Url& url) const;

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
