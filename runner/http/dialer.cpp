#include "http/dialer.hpp"

#include "codec/encoding.hpp"
#include "http/certificates.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <algorithm>

namespace cachefill::http {

namespace asio = async::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;

std::string Route::key() const {
    std::string text = (tls ? "https://" : "http://") + authority;
    if (proxy) text += " by " + proxy->host_and_port();
    return text;
}

Route route_to(const Url& url, std::optional<Proxy> proxy) {
    Route route;
    route.tls = url.tls;
    route.host = url.host;
    route.port = url.port;
    route.authority = url.host_and_port();
    route.proxy = std::move(proxy);
    return route;
}

std::string basic_authorization(const Secret& credentials) {
    auto text = credentials.reveal();
    if (text.find(':') != std::string_view::npos) return "Basic " + codec::to_base64(text);
    return "Basic " + codec::to_base64(std::string(text) + ":");
}

async::Task<Result<std::unique_ptr<Connection>>> Dialer::dial(const Route& route, Watch& watch) {
    if (route.tls && !tls_) {
        if (certificates_.empty()) {
            CO_TRY(found, find_certificate_file(environment_));
            certificates_ = std::move(found);
        }
        CO_TRY(context, TlsContext::load(certificates_));
        tls_ = std::move(context);
    }
    auto peer = route.authority;
    if (route.proxy) peer += " (by the proxy " + route.proxy->host_and_port() + ")";
    auto host = route.proxy ? route.proxy->host : route.host;
    auto port = route.proxy ? route.proxy->port : route.port;
    auto first_peer = route.proxy ? "the proxy " + route.proxy->host_and_port() : route.authority;
    CO_TRY(socket, co_await connect(std::move(host), port, std::move(first_peer), watch));
    if (route.proxy && route.proxy->is_socks()) {
        CO_TRY(target, co_await socks_target(route, watch));
        CO_TRY_VOID(co_await ask_socks(socket, *route.proxy, target, watch));
    }
    if (!route.tls) co_return make_plain_connection(std::move(socket), std::move(peer));
    if (route.proxy && !route.proxy->is_socks()) {
        auto tunnel = co_await open_tunnel(std::move(socket), tunnel_head(route), route.authority,
                                           route.proxy->host_and_port(), watch.deadlines());
        if (!tunnel) co_return std::move(tunnel).error();
        socket = std::move(*tunnel);
    }
    co_return co_await tls_->start(std::move(socket), route.host, std::move(peer), watch);
}

async::Task<Result<TcpSocket>> Dialer::connect(std::string host, std::uint16_t port, std::string peer, Watch& watch) {
    watch.enter(Phase::resolve);
    CO_TRY(found, co_await resolver_.resolve(host, watch.deadline()));
    if (!found) co_return watch.failure(host);
    auto& addresses = *found;
    auto end = std::chrono::steady_clock::now() + watch.deadlines().connect;
    std::string tried;
    std::optional<Failure> last;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        // One address that swallows everything (IPv6 without a way out) must leave time for the others.
        auto left = std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now());
        auto share = std::max(left / static_cast<int>(addresses.size() - i), milliseconds(1));
        tcp::endpoint endpoint(addresses[i], port);
        TcpSocket socket(executor_);
        boost::system::error_code error;
        socket.open(endpoint.protocol(), error);
        if (!error) {
            watch.enter(Phase::connect, share);
            Watch::Guard guard(watch, socket);
            auto [result] = co_await socket.async_connect(endpoint, async::use_task_tuple);
            error = watch.is_expired() ? asio::error::timed_out : result;
        }
        if (!error) {
            socket.set_option(tcp::no_delay(true), error);
            if (i > 0) resolver_.prefer(host, addresses[i]);
            co_return socket;
        }
        last = socket_failure(error, "cannot connect to " + peer, watch, peer);
        tried += (tried.empty() ? " (tried " : ", ") + addresses[i].to_string();
        if (watch.is_over()) break;
    }
    resolver_.forget(host);
    if (addresses.size() > 1) co_return std::move(*last).with_cause_suffix(tried + ")");
    co_return std::move(*last);
}

// An address if the host is one, or if the kind of proxy wants us to look up names.
async::Task<Result<SocksTarget>> Dialer::socks_target(const Route& route, Watch& watch) {
    SocksTarget target;
    target.host = route.host;
    target.port = route.port;
    boost::system::error_code not_an_address;
    auto literal = asio::ip::make_address(route.host, not_an_address);
    if (!not_an_address) target.address = literal;
    auto kind = route.proxy->kind;
    bool looks_up = kind == Proxy::Kind::socks4a || kind == Proxy::Kind::socks5h;
    if (target.address || looks_up) co_return target;
    watch.enter(Phase::resolve);
    CO_TRY(found, co_await resolver_.resolve(route.host, watch.deadline()));
    if (!found) co_return watch.failure(route.host);
    target.address = found->front();
    auto v4 = std::find_if(found->begin(), found->end(), [](const auto& address) { return address.is_v4(); });
    if (kind == Proxy::Kind::socks4 && v4 != found->end()) target.address = *v4;
    co_return target;
}

std::string Dialer::tunnel_head(const Route& route) const {
    std::string head = "CONNECT " + route.authority + " HTTP/1.1\r\nHost: " + route.authority +
                       "\r\nUser-Agent: " + user_agent_ + "\r\n";
    if (route.proxy->credentials)
        head += "Proxy-Authorization: " + basic_authorization(*route.proxy->credentials) + "\r\n";
    return head + "\r\n";
}

} // namespace cachefill::http
