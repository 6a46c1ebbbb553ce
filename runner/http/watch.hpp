#pragma once

#include "async/signal.hpp"
#include "base/failure.hpp"
#include "http/client.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <string>

namespace cachefill::http {

using TcpSocket = async::asio::basic_stream_socket<async::asio::ip::tcp, async::Executor>;

enum class Phase { resolve, connect, tunnel, tls, send, first_byte, receive };

// The clock of one exchange: closes the socket once the current phase, or the whole exchange, has taken too long, so
// that whatever waits for the socket ends with an error. One timer that is set about once per exchange: moving a
// deadline forward costs nothing.
class Watch {
  public:
    Watch(async::Executor executor, const Deadlines& deadlines);
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch();

    const Deadlines& deadlines() const;

    // Names the socket to close, for as long as it lives. That socket must neither move nor go away before.
    class Guard {
      public:
        Guard(Watch& watch, TcpSocket& socket) : watch_(watch) { watch_.guard(&socket); }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        ~Guard() { watch_.guard(nullptr); }

      private:
        Watch& watch_;
    };

    // The phase begins now, with the whole of its limit, or of `limit` if that is shorter.
    void enter(Phase phase, std::chrono::milliseconds limit = std::chrono::milliseconds::max());
    // A byte moved: sending and receiving have their whole limit again.
    void progress();

    // Until the next progress() we are the ones who are waited for: only the limit for the whole exchange counts.
    void pause();

    // As if the current phase had lasted too long.
    void give_up();

    std::chrono::steady_clock::time_point deadline() const; // of the current phase
    bool is_expired() const;                                // the socket has been closed
    bool is_over() const;                                   // the limit for the whole exchange has passed
    Phase phase() const;
    // How long the server let us wait for the first byte of its answer, once that has come.
    std::chrono::steady_clock::duration first_byte_wait() const;
    // Says which limit was passed, with `host`.
    Failure failure(const std::string& host) const;

  private:
    void guard(TcpSocket* socket);

    struct State;
    std::shared_ptr<State> state_;
};

} // namespace cachefill::http
