#pragma once

#include "http/connection.hpp"

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <poll.h>

namespace cachefill::http {

// The exchange, the same over TCP and TLS. Only the two wire_*.cpp include this.
template <class Stream> class StreamConnection final : public Connection {
  public:
    template <class... Arguments>
    explicit StreamConnection(std::string peer, Arguments&&... arguments)
        : peer_(std::move(peer)), stream_(std::forward<Arguments>(arguments)...) {}

    Stream& stream() { return stream_; }
    TcpSocket& socket() {
        if constexpr (is_plain)
            return stream_;
        else
            return stream_.next_layer();
    }

    async::Task<Result<Answer>> exchange(const Outgoing& outgoing, BodyTarget& target, Watch& watch) override {
        traffic_ = Traffic();
        reusable_ = false;
        watch.enter(Phase::send);
        Watch::Guard guard(watch, socket());
        auto sent = co_await send(outgoing, watch);
        if (!sent && !traffic_.closed_by_peer) co_return std::move(sent).error();
        // A server that does not want a body says so and hangs up: its words count for more than the broken pipe.
        if (sent)
            watch.enter(Phase::first_byte);
        else
            watch.enter(Phase::first_byte, last_words);
        ResponseReader reader(outgoing.expect, target);
        auto received = co_await receive(reader, target, watch);
        if (!received && !sent) co_return std::move(sent).error();
        if (!received) co_return std::move(received).error();
        bool sent_all = sent && *sent == Sent::all;
        if (outgoing.source && !sent_all && reader.status() >= 200 && reader.status() < 300)
            co_return Failure(FailureKind::network, peer_ + " took a part of the request for the whole");
        reusable_ = sent_all && reader.keeps_alive() && buffered_ == 0;
        Answer answer;
        answer.status = reader.status();
        answer.headers = reader.take_headers();
        co_return answer;
    }

    bool is_reusable() const override { return reusable_; }

    bool looks_alive() override {
        pollfd look{};
        look.fd = socket().native_handle();
        look.events = POLLIN | peer_gone;
        ::poll(&look, 1, 0);
        if ((look.revents & (POLLERR | POLLHUP | POLLNVAL | peer_gone)) != 0) return false;
        return (look.revents & POLLIN) == 0 || !is_plain; // TLS has things to say between answers, HTTP has not
    }

  private:
    static constexpr bool is_plain = std::is_same_v<Stream, TcpSocket>;
    static constexpr std::size_t buffer_size = ResponseReader::head_limit + 1024;
    static constexpr std::size_t piece_size = 256 * 1024;
    static constexpr std::size_t small_body = 16 * 1024; // fits one TLS record, and one system call, with its head
    static constexpr std::chrono::milliseconds last_words{2'000};

#ifdef __linux__
    static constexpr short peer_gone = POLLRDHUP; // although there may still be bytes to read: TLS's farewell
#else
    static constexpr short peer_gone = 0;
#endif

    enum class Sent { all, a_part };

    async::Task<Result<Sent>> send(const Outgoing& outgoing, Watch& watch) {
        if (outgoing.source) co_return co_await send_chunks(outgoing, watch);
        if (!outgoing.file && outgoing.body.size() <= small_body) {
            std::string whole = outgoing.head;
            whole += outgoing.body;
            CO_TRY_VOID(co_await write(whole, watch));
            co_return Sent::all;
        }
        CO_TRY_VOID(co_await write(outgoing.head, watch));
        auto rest = outgoing.body;
        std::uint64_t left = outgoing.file ? outgoing.file->size() : rest.size();
        while (left > 0) {
            if (has_early_answer()) co_return Sent::a_part;
            std::string_view piece = rest.substr(0, piece_size);
            if (outgoing.file) {
                auto read = [file = outgoing.file] { return file->next(); };
                CO_TRY(next, co_await outgoing.readers->run(std::move(read)));
                watch.progress(); // a slow disk is not the server's fault
                piece = next;
            } else {
                rest.remove_prefix(piece.size());
            }
            CO_TRY_VOID(co_await write(piece, watch));
            left -= piece.size();
        }
        co_return Sent::all;
    }

    async::Task<Result<Sent>> send_chunks(const Outgoing& outgoing, Watch& watch) {
        std::string framing = outgoing.head; // what goes out before the next piece
        for (;;) {
            if (has_early_answer()) co_return Sent::a_part;
            watch.pause();
            CO_TRY(piece, co_await outgoing.source->next());
            watch.progress();
            framing += to_hexadecimal(piece.size());
            framing += "\r\n";
            if (piece.empty()) framing += "\r\n";
            CO_TRY_VOID(co_await write(framing, watch));
            if (piece.empty()) co_return Sent::all;
            CO_TRY_VOID(co_await write(piece, watch));
            framing = "\r\n";
        }
    }

    static std::string to_hexadecimal(std::size_t number) {
        char text[2 * sizeof number];
        auto end = std::to_chars(std::begin(text), std::end(text), number, 16).ptr;
        return std::string(text, end);
    }

    // Over TLS, bytes that wait to be read may be no more than a session ticket.
    bool has_early_answer() {
        boost::system::error_code error;
        return is_plain && socket().available(error) > 0;
    }

    async::Task<Result<void>> write(std::string_view bytes, Watch& watch) {
        while (!bytes.empty()) {
            auto [error, count] = co_await stream_.async_write_some(async::asio::buffer(bytes.data(), bytes.size()),
                                                                    async::use_task_tuple);
            traffic_.sent += count;
            if (error) {
                auto failure = socket_failure(error, "sending to " + peer_, watch, peer_);
                traffic_.closed_by_peer = !watch.is_expired();
                co_return failure;
            }
            watch.progress();
            bytes.remove_prefix(count);
        }
        co_return Result<void>();
    }

    async::Task<Result<void>> receive(ResponseReader& reader, const BodyTarget& target, Watch& watch) {
        if (!buffer_) buffer_ = std::make_unique<char[]>(buffer_size);
        buffered_ = 0;
        while (!reader.is_done() && !target.has_enough()) {
            auto room = async::asio::buffer(buffer_.get() + buffered_, buffer_size - buffered_);
            auto [error, count] = co_await stream_.async_read_some(room, async::use_task_tuple);
            if (error) co_return ended(error, reader, watch);
            if (traffic_.received == 0) watch.enter(Phase::receive);
            traffic_.received += count;
            buffered_ += count;
            CO_TRY(used, with_context(reader.read({buffer_.get(), buffered_}), "reading the answer of " + peer_));
            buffered_ -= used;
            std::memmove(buffer_.get(), buffer_.get() + used, buffered_);
            if (buffered_ == buffer_size)
                co_return Failure(FailureKind::protocol, "the head of the answer of " + peer_ + " is too long");
            watch.progress();
        }
        co_return Result<void>();
    }

    Result<void> ended(const boost::system::error_code& error, ResponseReader& reader, Watch& watch) {
        bool is_end = error == async::asio::error::eof;
        auto failure = socket_failure(error, "waiting for the answer of " + peer_, watch, peer_);
        if (watch.is_expired()) return failure;
        traffic_.closed_by_peer = true;
        if (traffic_.received == 0) return failure;
        auto whole = with_context(reader.end_of_stream(is_end), "reading the answer of " + peer_);
        if (whole || is_end) return whole;
        return std::move(whole).error().with_cause_suffix(" (" + error.message() + ")");
    }

    std::string peer_;
    Stream stream_;
    bool reusable_ = false;
    std::unique_ptr<char[]> buffer_; // made at the first answer, kept for all later ones
    std::size_t buffered_ = 0;
};

} // namespace cachefill::http
