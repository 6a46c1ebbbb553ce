#pragma once

#include "http/client.hpp"
#include "http/url.hpp"

namespace cachefill::http {

// What the client adds to a request on one hop.
struct HeadExtras {
    std::string user_agent;
    std::string authorization;       // empty: none
    std::string proxy_authorization; // empty: none
    bool absolute_form = false;      // to a proxy: the whole URL in the request line
    std::uint64_t body_size = 0;
    bool drop_authorization =
        false; // leave the caller's own Authorization and Cookie out: another host would read them
};

// A usage failure when a header's name or value would break out of its line. Content-Length, Connection and
// Transfer-Encoding are ours to write.
Result<void> check_headers(const Request& request);

// Request line and fields with the empty line behind them. What the caller's headers have is not added again.
std::string compose_head(const Request& request, const Url& url, const HeadExtras& extras);

} // namespace cachefill::http
