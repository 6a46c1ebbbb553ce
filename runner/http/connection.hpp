#pragma once

#include "async/worker_pool.hpp"
#include "http/response_reader.hpp"
#include "http/watch.hpp"

#include <memory>
#include <string>

namespace cachefill::http {

// What is sent. Everything it points to must outlive the exchange.
struct Outgoing {
    std::string head; // request line and fields with the empty line behind them
    std::string_view body;
    FileBody* file = nullptr;             // instead of `body`
    async::WorkerPool* readers = nullptr; // where `file` is read
    BodySource* source = nullptr;         // instead of `body`
    ResponseReader::Expect expect = ResponseReader::Expect::body;
};

struct Answer {
    int status = 0;
    std::vector<Header> headers;
};

// One connection to a server, over TCP or TLS: one exchange at a time.
class Connection {
  public:
    // How far the last exchange came: whether it may be repeated depends on that.
    struct Traffic {
        std::uint64_t sent = 0;
        std::uint64_t received = 0;
        bool closed_by_peer = false;
    };

    virtual ~Connection() = default;
    // The body of the answer goes to `target`. A server may answer before it has everything and close: then that is the
    // answer. After a Failure, and after cancellation, the connection is of no use.
    virtual async::Task<Result<Answer>> exchange(const Outgoing& outgoing, BodyTarget& target, Watch& watch) = 0;
    // Whether another exchange may follow: the last one ended as it should, and both sides want to go on.
    virtual bool is_reusable() const = 0;
    // Looks without waiting whether the other side has closed it since. "Yes" may be outdated at once.
    virtual bool looks_alive() = 0;

    const Traffic& traffic() const { return traffic_; }

  protected:
    Traffic traffic_;
};

// `peer` is what messages call the other side.
std::unique_ptr<Connection> make_plain_connection(TcpSocket socket, std::string peer);

// Asks a proxy for a tunnel to `authority` ("host:port"); the socket then leads there.
async::Task<Result<TcpSocket>> open_tunnel(TcpSocket socket, std::string head, std::string authority, std::string proxy,
                                           const Deadlines& deadlines);

// Whom to trust, loaded once.
class TlsContext {
  public:
    // `certificates`: a PEM file with the authorities' certificates.
    static Result<std::unique_ptr<TlsContext>> load(const std::filesystem::path& certificates);
    virtual ~TlsContext() = default;
    // Handshake; the server must show a trusted certificate for `host` (a name or an IP address).
    virtual async::Task<Result<std::unique_ptr<Connection>>> start(TcpSocket socket, std::string host, std::string peer,
                                                                   Watch& watch) = 0;
};

// What an error code of a socket means: the watch's failure if it closed the socket, else one of kind network. Throws
// operation_aborted when the coroutine was cancelled.
Failure socket_failure(const boost::system::error_code& error, const std::string& doing, const Watch& watch,
                       const std::string& peer);

} // namespace cachefill::http
