#include "base/text.hpp"
#include "http/wire_stream.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace cachefill::http {

namespace asio = async::asio;

std::unique_ptr<Connection> make_plain_connection(TcpSocket socket, std::string peer) {
    return std::make_unique<StreamConnection<TcpSocket>>(std::move(peer), std::move(socket));
}

async::Task<Result<TcpSocket>> open_tunnel(TcpSocket socket, std::string head, std::string authority, std::string proxy,
                                           const Deadlines& deadlines) {
    auto executor = co_await asio::this_coro::executor;
    StreamConnection<TcpSocket> connection("the proxy " + proxy, std::move(socket));
    Deadlines limits = deadlines;
    limits.first_byte = deadlines.connect; // it has to connect, too
    Watch watch(executor, limits);
    Request nothing;
    BodyTarget no_body(nothing);
    Outgoing outgoing;
    outgoing.head = std::move(head);
    outgoing.expect = ResponseReader::Expect::head_only;
    auto doing = "asking the proxy " + proxy + " for a tunnel to " + authority;
    CO_TRY(answer, with_context(co_await connection.exchange(outgoing, no_body, watch), std::move(doing)));
    if (answer.status < 200 || answer.status > 299) {
        bool login = answer.status == 407;
        bool later = answer.status == 429 || answer.status >= 500;
        Failure failure(login   ? FailureKind::auth
                        : later ? FailureKind::network
                                : FailureKind::protocol,
                        "the proxy " + proxy + " refused a tunnel to " + authority + " with status " +
                            std::to_string(answer.status));
        if (login) co_return std::move(failure).with_hint("put user:password@ before the host in the proxy's variable");
        co_return failure;
    }
    co_return std::move(connection.stream());
}

Failure socket_failure(const boost::system::error_code& error, const std::string& doing, const Watch& watch,
                       const std::string& peer) {
    if (watch.is_expired()) return watch.failure(peer);
    if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
    if (error == asio::error::eof) return Failure(FailureKind::network, peer + " closed the connection: " + doing);
    return Failure(FailureKind::network, doing + ": " + error.message());
}

} // namespace cachefill::http
