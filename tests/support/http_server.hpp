#pragma once

#include "support/test_certificate.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cachefill::test {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method;
    std::string target; // as sent: path and query, a whole URL to a proxy, host:port with CONNECT
    HttpFields headers;
    std::string body;
    std::uint64_t body_size = 0;
    std::uint64_t connection = 0; // counts from 1

    std::string header(std::string_view name) const; // case-insensitive; empty if absent
    std::string path() const;                        // target without query
};

// What goes wrong on purpose. Each works alone; where several are set they act in this order.
struct HttpFaults {
    std::chrono::milliseconds delay{0};          // before the answer's first byte
    bool never_answer = false;                   // the connection stays open and silent
    bool hang_up = false;                        // an orderly close instead of an answer
    bool reset = false;                          // a TCP reset instead of an answer
    std::optional<std::uint64_t> content_length; // announced instead of the true one
    std::optional<std::uint64_t> stall_after;    // so many bytes of the answer (head included), then silence
    std::optional<std::uint64_t> reset_after;    // so many bytes of the answer (head included), then a reset
    std::optional<std::uint64_t> truncate_body;  // so many bytes of the body, then an orderly close
    std::uint64_t bytes_per_second = 0;          // of the answer; 0: as fast as it goes
    bool close = false;                          // announce "Connection: close" and do it
};

struct HttpReply {
    HttpReply() = default;
    HttpReply(int s, std::string b = {}) : status(s), body(std::move(b)) {}

    int status = 200;
    HttpFields headers;     // Content-Length is added
    std::string body;       // not sent in answer to HEAD, but its length is told
    std::size_t repeat = 1; // the body so many times over, for large ones without the memory
    // Streamed from disk instead of `body`. Faults that cut the answer are for answers in memory.
    std::filesystem::path body_file;
    bool chunked = false;
    bool until_close = false; // no Content-Length: the end of the connection ends the body
    std::string interim;      // sent first as it is, for instance "HTTP/1.1 103 Early Hints\r\n\r\n"
    std::string raw;          // if set, sent as it is instead of all the above, and then closed
    HttpFaults faults;
};

struct HttpServerSettings {
    std::optional<TestCertificate> tls; // speak TLS with this
    // Where CONNECT leads when the handler answers it with 200: this port of 127.0.0.1, whatever name was asked for.
    std::uint16_t tunnel_to = 0;
    // Answer (with the handler) after the head of a request with a body, without reading the body, and close.
    bool answer_before_body = false;
    bool keep_bodies = true; // else only body_size is known
};

// An HTTP/1.1 server on 127.0.0.1 with a thread and a loop of its own, for tests of what is on the other side. The
// handler is called on that thread, one request at a time, so it may keep state without locks as long as the test looks
// at it only while the server is stopped; use log() otherwise.
class HttpServer {
  public:
    using Handler = std::function<HttpReply(const HttpRequest&)>;

    explicit HttpServer(Handler handler, HttpServerSettings settings = {});
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer(); // stops

    std::uint16_t port() const;
    // "http://127.0.0.1:PORT", or "https://localhost:PORT" with TLS.
    std::string url() const;

    // Closes everything and waits for the thread. Harmless when repeated.
    void stop();
    // Closes connections that wait for a request, as servers do with idle ones, once no answer is under way.
    void close_idle_connections();

    std::vector<HttpRequest> log() const; // whole requests so far, in the order they came; bodies are left out
    std::uint64_t connections() const;    // accepted so far
    std::uint64_t most_at_once() const;   // requests that were being answered at the same time
    // Waits up to ten seconds for so many requests to have come; false when they did not.
    bool wait_for_requests(std::size_t count) const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace cachefill::test
