#include "support/http_server.hpp"

#include "async/task_group.hpp"
#include "base/text.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <set>
#include <thread>

namespace cachefill::test {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using async::Executor;
using async::Task;
using async::use_task_tuple;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using TlsStream = asio::ssl::stream<Socket>;

std::string HttpRequest::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (iequals(key, name)) return value;
    return {};
}

std::string HttpRequest::path() const { return target.substr(0, target.find('?')); }

namespace {

// Beast's parser, filling an HttpRequest.
class RequestParser final : public beast::http::basic_parser<true> {
  public:
    explicit RequestParser(bool keep_body) : keep_body_(keep_body) {
        header_limit(64 * 1024);
        body_limit(boost::none);
        eager(true);
    }

    HttpRequest request;

  private:
    static std::string text(beast::string_view view) { return std::string(view.data(), view.size()); }

    void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int,
                         beast::error_code&) override {
        request.method = text(method);
        request.target = text(target);
    }
    void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
    void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                       beast::error_code&) override {
        request.headers.emplace_back(text(name), text(value));
    }
    void on_header_impl(beast::error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, beast::error_code&) override {
        if (length && keep_body_) request.body.reserve(static_cast<std::size_t>(*length));
    }
    std::size_t on_body_impl(beast::string_view body, beast::error_code&) override {
        request.body_size += body.size();
        if (keep_body_) request.body.append(body.data(), body.size());
        return body.size();
    }
    void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, beast::error_code& error) override {
        return on_body_impl(body, error);
    }
    void on_finish_impl(beast::error_code&) override {}

    bool keep_body_;
};

void reset(Socket& socket) {
    boost::system::error_code ignored;
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored); // now: the destructor would be polite again
}

std::string make_head(const HttpReply& reply) {
    auto reason = beast::http::obsolete_reason(static_cast<beast::http::status>(reply.status));
    std::string head =
        "HTTP/1.1 " + std::to_string(reply.status) + " " + std::string(reason.data(), reason.size()) + "\r\n";
    for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
    bool has_no_length = reply.chunked || reply.until_close || reply.status == 204 || reply.status == 304;
    if (reply.chunked) head += "Transfer-Encoding: chunked\r\n";
    std::uint64_t length =
        reply.body_file.empty() ? reply.body.size() * reply.repeat : std::filesystem::file_size(reply.body_file);
    if (!has_no_length)
        head += "Content-Length: " + std::to_string(reply.faults.content_length.value_or(length)) + "\r\n";
    if (reply.faults.close) head += "Connection: close\r\n";
    return head + "\r\n";
}

std::string to_chunk(const std::string& piece) {
    std::string size;
    for (auto n = piece.size(); n > 0; n /= 16) size.insert(size.begin(), "0123456789abcdef"[n % 16]);
    return size + "\r\n" + piece + "\r\n";
}

} // namespace

class HttpServer::Impl {
  public:
    Impl(Handler handler, HttpServerSettings settings)
        : handler_(std::move(handler)), settings_(std::move(settings)),
          acceptor_(loop_.get_executor(), tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
          port_(acceptor_.local_endpoint().port()) {
        if (settings_.tls) load_certificate(*settings_.tls);
        auto done = [](std::exception_ptr error) {
            if (error) std::rethrow_exception(error);
        };
        asio::co_spawn(loop_, accept_all(), done);
        thread_ = std::thread([this] { loop_.run(); });
    }

    ~Impl() { stop(); }

    void stop() {
        if (!thread_.joinable()) return;
        asio::post(loop_, [this] {
            stopping_ = true;
            acceptor_.close();
        });
        thread_.join();
    }

    void close_idle_connections() {
        std::promise<void> closed;
        // A client may have its answer before the session has come round to wait again.
        std::function<void()> close_all = [&] {
            if (answering_ > 0) {
                asio::post(loop_, close_all);
                return;
            }
            boost::system::error_code ignored;
            for (auto* socket : idle_) {
                socket->shutdown(tcp::socket::shutdown_both, ignored);
                socket->close(ignored);
            }
            closed.set_value();
        };
        asio::post(loop_, close_all);
        closed.get_future().wait();
    }

    std::uint16_t port() const { return port_; }
    bool has_tls() const { return settings_.tls.has_value(); }

    std::vector<HttpRequest> log() const {
        std::lock_guard lock(mutex_);
        return log_;
    }
    std::uint64_t connections() const {
        std::lock_guard lock(mutex_);
        return connections_;
    }
    std::uint64_t most_at_once() const {
        std::lock_guard lock(mutex_);
        return most_at_once_;
    }
    bool wait_for_requests(std::size_t count) const {
        std::unique_lock lock(mutex_);
        return logged_.wait_for(lock, std::chrono::seconds(10), [&] { return log_.size() >= count; });
    }

  private:
    void load_certificate(const TestCertificate& tls) {
        tls_.use_certificate_chain(asio::buffer(tls.certificate));
        tls_.use_private_key(asio::buffer(tls.key), asio::ssl::context::pem);
    }

    Task<void> accept_all() {
        async::TaskGroup sessions(loop_.get_executor());
        while (!stopping_) {
            auto [error, socket] = co_await acceptor_.async_accept(use_task_tuple);
            if (error) break;
            boost::system::error_code ignored;
            socket.set_option(tcp::no_delay(true), ignored);
            std::uint64_t number = 0;
            {
                std::lock_guard lock(mutex_);
                number = ++connections_;
            }
            sessions.spawn(run_session(std::move(socket), number));
        }
        sessions.cancel();
        co_await sessions.join();
    }

    Task<void> run_session(Socket socket, std::uint64_t number) {
        if (!settings_.tls) {
            co_await serve(socket, socket, number);
            co_return;
        }
        TlsStream stream(std::move(socket), tls_);
        auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::server, use_task_tuple);
        if (error) co_return;
        co_await serve(stream, stream.next_layer(), number);
    }

    template <class Stream> Task<void> serve(Stream& stream, Socket& socket, std::uint64_t number) {
        std::vector<char> input(64 * 1024);
        std::string buffer;
        for (;;) {
            RequestParser parser(settings_.keep_bodies);
            if (!co_await read_request(stream, socket, input, buffer, parser)) co_return;
            auto request = std::move(parser.request);
            request.connection = number;
            ++answering_;
            record(request);
            auto reply = handler_(request);
            if (request.method == "CONNECT" && reply.status == 200 && !reply.faults.never_answer) {
                --answering_;
                co_await run_tunnel(stream);
                co_return;
            }
            enter();
            bool again = co_await answer(stream, socket, request, reply);
            leave();
            --answering_;
            if (!again || !parser.keep_alive() || !parser.is_done()) co_return;
        }
    }

    template <class Stream>
    Task<bool> read_request(Stream& stream, Socket& socket, std::vector<char>& input, std::string& buffer,
                            RequestParser& parser) {
        for (;;) {
            if (!buffer.empty()) {
                boost::system::error_code error;
                auto used = parser.put(asio::buffer(std::as_const(buffer)), error);
                buffer.erase(0, used);
                if (error && error != beast::http::error::need_more) co_return false;
                if (parser.is_done()) co_return true;
                if (settings_.answer_before_body && parser.is_header_done()) co_return true;
            }
            if (!parser.got_some()) idle_.insert(&socket);
            auto [error, count] = co_await stream.async_read_some(asio::buffer(input), use_task_tuple);
            idle_.erase(&socket);
            if (error) co_return false;
            buffer.append(input.data(), count);
        }
    }

    // True when the connection stays open for another request.
    template <class Stream>
    Task<bool> answer(Stream& stream, Socket& socket, const HttpRequest& request, const HttpReply& reply) {
        const auto& faults = reply.faults;
        if (faults.delay.count() > 0) co_await async::sleep_for(faults.delay);
        if (faults.never_answer) co_return co_await wait_for_close(stream);
        if (faults.hang_up) co_return false;
        if (faults.reset) {
            reset(socket);
            co_return false;
        }
        if (!reply.raw.empty()) {
            co_await asio::async_write(stream, asio::buffer(reply.raw), use_task_tuple);
            co_return false;
        }
        auto bytes = reply.interim + make_head(reply);
        bool has_body = request.method != "HEAD" && reply.status != 204 && reply.status != 304;
        auto first_body = reply.body;
        auto repeat = has_body ? reply.repeat : 0;
        if (faults.truncate_body) {
            first_body = first_body.substr(0, static_cast<std::size_t>(*faults.truncate_body));
            repeat = 1;
        }
        if (reply.chunked && has_body) first_body = to_chunk(first_body);
        if (repeat > 0) bytes += first_body;
        auto cut = faults.stall_after ? faults.stall_after : faults.reset_after;
        if (cut) bytes = bytes.substr(0, static_cast<std::size_t>(*cut));
        bool last_piece = repeat <= 1 && !faults.truncate_body && !cut;
        if (last_piece && reply.chunked && has_body) bytes += "0\r\n\r\n";
        bool sent = co_await write_paced(stream, bytes, faults.bytes_per_second);
        if (!sent) co_return false;
        if (has_body && !reply.body_file.empty()) {
            bool complete = co_await send_file(stream, reply);
            if (!complete) co_return false;
        }
        if (faults.stall_after) co_return co_await wait_for_close(stream);
        if (faults.reset_after) {
            reset(socket);
            co_return false;
        }
        if (faults.truncate_body) co_return false;
        for (std::size_t i = 1; i < repeat; ++i) {
            auto [failed, written] = co_await asio::async_write(stream, asio::buffer(first_body), use_task_tuple);
            if (failed) co_return false;
        }
        if (reply.chunked && has_body && !last_piece) {
            static const std::string end = "0\r\n\r\n";
            co_await asio::async_write(stream, asio::buffer(end), use_task_tuple);
        }
        if (reply.until_close && settings_.tls) co_await say_goodbye(stream);
        co_return !reply.until_close && !faults.close;
    }

    template <class Stream> Task<bool> write_paced(Stream& stream, std::string_view bytes, std::uint64_t rate) {
        constexpr auto beat = std::chrono::milliseconds(50);
        auto piece = rate > 0 ? std::max<std::size_t>(1, static_cast<std::size_t>(rate / 20)) : bytes.size();
        while (!bytes.empty()) {
            auto now = bytes.substr(0, piece);
            bytes.remove_prefix(now.size());
            auto [error, count] = co_await asio::async_write(stream, asio::buffer(now), use_task_tuple);
            if (error) co_return false;
            if (rate > 0) co_await async::sleep_for(beat);
        }
        co_return true;
    }

    template <class Stream> Task<bool> send_file(Stream& stream, const HttpReply& reply) {
        std::ifstream file(reply.body_file, std::ios::binary);
        std::string buffer(256 * 1024, '\0');
        for (;;) {
            file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
            std::string_view piece(buffer.data(), static_cast<std::size_t>(file.gcount()));
            if (piece.empty()) co_return true;
            bool sent = co_await write_paced(stream, piece, reply.faults.bytes_per_second);
            if (!sent) co_return false;
        }
    }

    // TLS tells a whole answer from one that was cut off by this.
    template <class Stream> Task<void> say_goodbye(Stream& stream) {
        if constexpr (std::is_same_v<Stream, TlsStream>) co_await stream.async_shutdown(use_task_tuple);
        co_return;
    }

    template <class Stream> Task<bool> wait_for_close(Stream& stream) {
        std::vector<char> ignored(4096);
        for (;;) {
            auto [error, count] = co_await stream.async_read_some(asio::buffer(ignored), use_task_tuple);
            if (error) co_return false;
        }
    }

    template <class Stream> Task<void> run_tunnel(Stream& client) {
        static const std::string accepted = "HTTP/1.1 200 Connection established\r\n\r\n";
        co_await asio::async_write(client, asio::buffer(accepted), use_task_tuple);
        Socket server(loop_.get_executor());
        tcp::endpoint endpoint(asio::ip::address_v4::loopback(), settings_.tunnel_to);
        auto [error] = co_await server.async_connect(endpoint, use_task_tuple);
        if (error) co_return;
        async::TaskGroup directions(loop_.get_executor());
        directions.spawn(copy(client, server));
        directions.spawn(copy(server, client));
        co_await directions.wait_until_fewer_than(2);
        directions.cancel();
        co_await directions.join();
    }

    template <class From, class To> static Task<void> copy(From& from, To& to) {
        std::vector<char> buffer(64 * 1024);
        for (;;) {
            auto [error, count] = co_await from.async_read_some(asio::buffer(buffer), use_task_tuple);
            if (error) co_return;
            auto [failed, written] = co_await asio::async_write(to, asio::buffer(buffer.data(), count), use_task_tuple);
            if (failed) co_return;
        }
    }

    void record(const HttpRequest& request) {
        HttpRequest entry;
        entry.method = request.method;
        entry.target = request.target;
        entry.headers = request.headers;
        entry.body_size = request.body_size;
        entry.connection = request.connection;
        std::lock_guard lock(mutex_);
        log_.push_back(std::move(entry));
        logged_.notify_all();
    }

    void enter() {
        std::lock_guard lock(mutex_);
        most_at_once_ = std::max(most_at_once_, ++at_once_);
    }
    void leave() {
        std::lock_guard lock(mutex_);
        --at_once_;
    }

    Handler handler_;
    HttpServerSettings settings_;
    asio::io_context loop_{1};
    asio::ssl::context tls_{asio::ssl::context::tls_server};
    asio::basic_socket_acceptor<tcp, Executor> acceptor_;
    std::uint16_t port_;
    bool stopping_ = false;
    std::set<Socket*> idle_;
    int answering_ = 0;

    mutable std::mutex mutex_; // guards what follows
    mutable std::condition_variable logged_;
    std::vector<HttpRequest> log_;
    std::uint64_t connections_ = 0;
    std::uint64_t at_once_ = 0;
    std::uint64_t most_at_once_ = 0;

    std::thread thread_; // last: uses all of the above
};

HttpServer::HttpServer(Handler handler, HttpServerSettings settings)
    : impl_(std::make_unique<Impl>(std::move(handler), std::move(settings))) {}
HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const { return impl_->port(); }
std::string HttpServer::url() const {
    return (impl_->has_tls() ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port());
}
void HttpServer::stop() { impl_->stop(); }
void HttpServer::close_idle_connections() { impl_->close_idle_connections(); }
std::vector<HttpRequest> HttpServer::log() const { return impl_->log(); }
std::uint64_t HttpServer::connections() const { return impl_->connections(); }
std::uint64_t HttpServer::most_at_once() const { return impl_->most_at_once(); }
bool HttpServer::wait_for_requests(std::size_t count) const { return impl_->wait_for_requests(count); }

} // namespace cachefill::test
