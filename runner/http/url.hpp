#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cachefill::http {

// An http or https URL taken apart.
struct Url {
    bool tls = false;
    std::string host; // lower case, IPv6 without its brackets
    std::uint16_t port = 0;
    std::string target; // encoded path and query, at least "/"
    // "user:password", decoded, if there was any
    std::optional<Secret> credentials;

    std::uint16_t default_port() const { return tls ? 443 : 80; }
    // As the Host field and "host:port" in messages want it: brackets around IPv6, the default port left out.
    std::string authority() const;
    // "host:port", the port always there: what CONNECT asks for.
    std::string host_and_port() const;
    // The whole URL, but neither credentials nor fragment.
    std::string to_string() const;
};

// A usage failure says what is wrong with `text`; credentials in it are not shown.
Result<Url> parse_url(std::string_view text);

// Where a Location field leads to, seen from `base`. Tolerates characters that should have been percent-encoded. A
// protocol failure when it is no http or https URL.
Result<Url> resolve_location(const Url& base, std::string_view location);

// "https://example.org/" without its end, as addresses are compared and built upon.
std::string without_slash_at_end(std::string url);

// May what was meant for `a` be told to `b`? Same host and port; the default ports of http and https count as one.
bool is_same_host(const Url& a, const Url& b);

// Would others on the way read what is sent there? Plain http, and not to this machine itself.
bool is_in_the_open(const Url& url);
// By its name or address. Without TLS no other machine's proxy is asked for it: what is unencrypted stays here.
bool is_this_machine(const Url& url);

} // namespace cachefill::http
