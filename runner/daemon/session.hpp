#pragma once

#include "daemon/frames.hpp"
#include "daemon/operations.hpp"

#include <deque>

namespace cachefill::daemon {

// The client's side of one conversation with the daemon, without any I/O: requests in and bytes out, bytes in and
// events out. Worker protocol 1.34 (Nix 2.8) to 1.38, no features (Nix, libstore/worker-protocol-connection.cc).
// Requests may be sent before earlier ones are answered; answers come in the order of the requests.
class Session {
  public:
    // Starts with the greeting: take_output(), receive() and next() until is_ready().
    Session();

    void request(Request request); // once is_ready()
    std::string take_output();     // what to send now; may be empty

    void receive(std::string_view bytes);

    struct Completed { // the oldest request
        Result<Reply> reply;
    };
    using Event = std::variant<LogEvent, Completed>;
    // What has happened next; empty: more bytes are needed, or nothing is outstanding. A failure here (unlike one
    // inside Completed) is the end of the conversation: the two sides no longer agree where messages begin.
    Result<std::optional<Event>> next();
    // What it means that the other side closed the connection now.
    Failure cut_off() const;

    bool is_ready() const { return state_ == State::ready; }
    bool has_greeting() const { return state_ != State::greeting; }
    std::size_t outstanding() const { return requests_.size(); }
    // Bytes that answer nothing. The daemon says its last error twice before it closes the connection.
    bool has_unread() const { return buffer_.size() > consumed_; }

    Trust trust() const { return trust_; }
    const std::string& nix_version() const { return nix_version_; }
    unsigned minor() const { return minor_; }

  private:
    enum class State { greeting, introduction, starting, ready };

    std::optional<Event> step(WireReader& reader);
    void read_greeting(WireReader& reader);
    void read_introduction(WireReader& reader);
    std::optional<Event> read_frame(WireReader& reader);
    std::optional<Event> finish_frames(WireReader& reader);
    Event complete(Result<Reply> reply);

    State state_ = State::greeting;
    unsigned minor_ = 0;
    Trust trust_ = Trust::unknown;
    std::string nix_version_;

    WireWriter output_;
    std::deque<Request> requests_;
    bool reply_follows_ = false; // LAST has been read, the reply not yet
    ActivityLog activities_;

    std::string buffer_;
    std::size_t consumed_ = 0; // at the front of the buffer
    std::uint64_t needed_ = 0; // do not look again before so many bytes are unread
};

} // namespace cachefill::daemon
