#pragma once

#include "http/body.hpp"

#include <memory>
#include <string_view>

namespace cachefill::http {

// Understands the bytes of one HTTP/1.1 answer and hands its body on as it comes; does no I/O (Beast's parser inside).
// Interim answers (1xx) are passed over.
class ResponseReader {
  public:
    enum class Expect { body, head_only };

    // head_only: the answer to HEAD, or to CONNECT. `body` must outlive this.
    ResponseReader(Expect expect, BodyTarget& body);
    ~ResponseReader();

    // Uses up as much of `bytes` as makes sense so far and says how much that was; the rest comes again with more
    // behind it. Fails as the body's target does, and on bytes that are no HTTP.
    Result<std::size_t> read(std::string_view bytes);
    // The other side has closed the connection: `cleanly` unless TLS was cut off without its farewell. Fails with kind
    // network when the answer is not whole, unless its end was to be known by this.
    Result<void> end_of_stream(bool cleanly);

    bool is_done() const;
    // May the connection be used again? Only once it is done.
    bool keeps_alive() const;
    int status() const;
    std::vector<Header> take_headers();

    static constexpr std::size_t head_limit = 64 * 1024;

  private:
    class Parser;
    Expect expect_;
    BodyTarget& body_;
    std::unique_ptr<Parser> parser_;
    bool closed_ = false;
};

} // namespace cachefill::http
