#pragma once

#include "http/connection.hpp"
#include "http/proxy.hpp"
#include "http/resolver.hpp"
#include "http/socks.hpp"

namespace cachefill::http {

// Where a connection leads. Requests with equal keys may share connections.
struct Route {
    bool tls = false;
    std::string host;
    std::uint16_t port = 0;
    std::string authority; // "host:port"
    std::optional<Proxy> proxy;

    // With the proxy's credentials left out: they are the same for all of a client.
    std::string key() const;
};

Route route_to(const Url& url, std::optional<Proxy> proxy);

// "Basic …" for a "user:password", or a "user" without any.
std::string basic_authorization(const Secret& credentials);

// Makes connections: name, TCP, tunnel, TLS, each phase within its limit.
class Dialer {
  public:
    // `certificates`: empty, or the PEM file to use instead of the one that find_certificate_file finds.
    Dialer(async::Executor executor, Environment environment, std::filesystem::path certificates,
           std::string user_agent)
        : executor_(executor), environment_(std::move(environment)), certificates_(std::move(certificates)),
          user_agent_(std::move(user_agent)), resolver_(executor) {}

    async::Task<Result<std::unique_ptr<Connection>>> dial(const Route& route, Watch& watch);

  private:
    async::Task<Result<TcpSocket>> connect(std::string host, std::uint16_t port, std::string peer, Watch& watch);
    std::string tunnel_head(const Route& route) const;
    async::Task<Result<SocksTarget>> socks_target(const Route& route, Watch& watch);

    async::Executor executor_;
    Environment environment_;
    std::filesystem::path certificates_;
    std::string user_agent_;
    Resolver resolver_;
    std::unique_ptr<TlsContext> tls_; // made when first needed
};

} // namespace cachefill::http
