#pragma once

#include "async/task.hpp"
#include "base/environment.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "http/blotter.hpp"
#include "http/logins.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::async {
struct RetryPolicy;
}

namespace cachefill::http {

enum class Method { get, head, put, post, del, patch };

std::string_view to_string(Method method);

struct Header {
    std::string name;
    std::string value;
};

// How long each phase of one try may take, once past it a Failure of kind timeout names it. Uploads raise `total`.
struct Deadlines {
    std::chrono::milliseconds resolve{10'000};
    std::chrono::milliseconds connect{10'000}; // TCP and TLS each
    std::chrono::milliseconds first_byte{60'000};
    // The same for a question to a place that let the one before wait in vain, until it answers one: minutes would add
    // up, one look after the other.
    std::chrono::milliseconds first_byte_after_silence{5'000};
    std::chrono::milliseconds stall{30'000};  // without a byte moving, in either direction
    std::chrono::milliseconds total{300'000}; // from having a connection slot to the last byte, anew after a redirect
};

// A body whose length is known only when it ends, and which can be had only once: sent in chunks as it comes.
class BodySource {
  public:
    virtual ~BodySource() = default;
    // The next bytes, valid until the next call; none: that was all. With a Failure the connection is broken off, so
    // that nobody takes what came for the whole.
    async::Task<Result<std::string_view>> next() {
        is_begun_ = true;
        return pull();
    }
    // Some of it may be gone: the request cannot be sent again.
    bool is_begun() const { return is_begun_; }

  private:
    virtual async::Task<Result<std::string_view>> pull() = 0;
    bool is_begun_ = false;
};

// One request. It has constructors on purpose: braced aggregates inside co_await are destroyed twice by g++ 12.
struct Request {
    Request() = default;
    Request(Method m, std::string u) : method(m), url(std::move(u)) {}

    Method method = Method::get;
    std::string url; // absolute, http or https; user:password@ in it becomes Basic authentication and is never shown
    std::vector<Header> headers;
    // Sent as "Authorization: Bearer …" to the host of `url` only, never after a redirect to another one. A usage
    // failure where others on the way could read it (is_in_the_open).
    std::optional<Secret> bearer;
    Logins logins = Logins::all;
    std::shared_ptr<const std::string> body;    // shared, so that tries do not copy it
    std::filesystem::path body_file;            // instead of `body`: streamed from disk
    std::shared_ptr<BodySource> body_source;    // instead of `body`; a success that comes before its end is a Failure
    std::uint64_t response_limit = 64ULL << 20; // a longer body is a protocol failure
    // If set, a 2xx body (decoded) goes here piece by piece instead of into Response::body, and has no limit.
    std::function<Result<void>(std::string_view)> sink;
    // If set, no more of the body is read than this: what has come by then is Response::body. A connection on which
    // more would follow is closed.
    std::optional<std::size_t> enough;
    // `url` was handed out by a server and is good by itself (a signature in the query, a token in the path): it is
    // shown by its host alone, and nothing of it stands in a Failure or in an answer that is no success.
    bool is_address_secret = false;
    bool follow_redirects = true; // at most 10; GET and HEAD, and PUT unless the answer is 303
    Deadlines deadlines;
};

struct Response {
    int status = 0;
    std::vector<Header> headers;
    std::string body; // decoded, if it came with a Content-Encoding (content_encoding.hpp)
    std::string effective_url;
    // What the client has sent as logins so far. Unless the answer is 2xx it has been blotted out of all of the above;
    // whoever quotes from a 2xx does that first. May be null.
    std::shared_ptr<const Blotter> logins_sent;

    std::optional<std::string_view> find_header(std::string_view name) const; // case-insensitive
    bool is_success() const { return status >= 200 && status < 300; }
    std::string blotted(std::string_view text) const {
        return logins_sent ? logins_sent->clean(text) : std::string(text);
    }
};

// The address of a request as it may be shown: redacted, and of one that is secret the host alone.
std::string shown_address(const Request& request, std::string_view url);

// Sends requests. An answer of any status is a Response; a Failure means that no whole answer came (network, timeout,
// protocol; not_found: no such host) or the URL is unusable (usage); neither repeats a login. One try only, but for
// what a place refuses because there was too much at once, while it answers other requests; cancelling closes the
// connection. Once a BodySource has begun nothing is sent again: neither with another login nor to where it is
// redirected.
class Client {
  public:
    virtual ~Client() = default;
    virtual async::Task<Result<Response>> send(Request request) = 0;
};

struct ClientSettings {
    // At once to one place, at most; 0: nobody has set a limit. How many it really takes is found out
    // (concurrency.hpp). Nix's default of 25 is for HTTP/2, where one connection carries many questions: it is nobody's
    // wish for us.
    std::size_t connections_per_host = 0;
    std::chrono::milliseconds idle_timeout{10'000};
    std::string user_agent = "cachefill";
    // Logins by host. Where a server refuses (401) that of one file, the next file's is tried.
    std::vector<std::filesystem::path> netrc;
    // PEM file of the authorities to trust; empty: see find_certificate_file.
    std::filesystem::path certificates;
    // Instead of what a request's Deadlines have, for all requests; 0: as they have it.
    std::chrono::milliseconds connect_timeout{0};
    std::chrono::milliseconds stall_timeout{0};
    // http_proxy, https_proxy, all_proxy, no_proxy (either case) and NIX_SSL_CERT_FILE, SSL_CERT_FILE are read here.
    Environment environment;
};

// The real one: HTTP/1.1 over TCP and TLS (verified), keep-alive pool, limits per host, proxies, redirects, netrc.
// Fails when no certificate bundle can be found (it names those it tried) only once an https URL is asked for.
std::unique_ptr<Client> make_client(async::Executor executor, ClientSettings settings);

// What a status that the caller did not expect means: 408, 425, 429 and 5xx (but 501, 505, 511) can heal (kind
// network), 401, 403 and 407 are auth, 404 and 410 not_found, others protocol. Says method, redacted URL, status, and
// the start of the body when it is text; carries Retry-After (header, or retry_after in a JSON body).
Failure status_failure(const Request& request, const Response& response);

// Sends, and sends again as with_retry says; an answer that can heal counts as a failed try. `expected` decides which
// other answers are returned as they are; the rest become status_failure. Default: 2xx, 404 and 410.
async::Task<Result<Response>> send_with_retry(Client& client, Request request, async::RetryPolicy policy,
                                              std::function<bool(const Response&)> expected = {});

} // namespace cachefill::http
