#pragma once

#include "http/proxy.hpp"
#include "http/watch.hpp"

#include <boost/asio/ip/address.hpp>

#include <string>

namespace cachefill::http {

// Where a SOCKS proxy shall connect to: a name for it to look up, or an address.
struct SocksTarget {
    std::string host;
    std::optional<boost::asio::ip::address> address; // instead of `host`
    std::uint16_t port = 0;
};

// What is sent in the dialogue with a SOCKS proxy (RFC 1928 and 1929; SOCKS4 and 4a as openssh.org/txt has them). A
// usage failure for what the protocol has no room for.
Result<std::string> socks4_request(const Proxy& proxy, const SocksTarget& target);
std::string socks5_greeting(const Proxy& proxy);
Result<std::string> socks5_login(const Secret& credentials);
Result<std::string> socks5_request(const SocksTarget& target);

// Asks the proxy at the other end of `socket` for a connection to `target`; then the socket leads there. Within the
// limit for connecting.
async::Task<Result<void>> ask_socks(TcpSocket& socket, const Proxy& proxy, const SocksTarget& target, Watch& watch);

} // namespace cachefill::http
