#include "async/task_group.hpp"
#include "base/text.hpp"
#include "harness.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/test/unit_test.hpp>

#include <tuple>

using namespace cachefill;
using namespace cachefill::test;
using http::Client;
using http::Method;
using http::Request;
using http::Response;

namespace {

Result<Response> ask(HttpReply reply, http::Deadlines deadlines = {}) {
    HttpServer server([reply](const HttpRequest&) { return reply; });
    auto request = get(server);
    request.deadlines = deadlines;
    return send_one(request);
}

void check_failure(const Result<Response>& response, FailureKind kind, std::string_view says) {
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST(to_string(response.error().kind()) == to_string(kind));
    BOOST_TEST(contains(response.error().one_line(), says), response.error().one_line());
}

async::Task<void> send_until_cancelled(Client& client, Request request, bool& aborted) {
    try {
        std::ignore = co_await client.send(std::move(request));
    } catch (const boost::system::system_error& error) { // counted and passed on
        aborted = error.code() == boost::asio::error::operation_aborted;
        throw;
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_faults)

BOOST_AUTO_TEST_CASE(a_slow_answer_still_arrives) {
    HttpReply reply(200, "late");
    reply.faults.delay = 50ms;
    auto response = ask(reply);
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->body == "late");
}

BOOST_AUTO_TEST_CASE(no_first_byte_within_its_deadline) {
    HttpReply reply;
    reply.faults.never_answer = true;
    http::Deadlines deadlines;
    deadlines.first_byte = 50ms;
    check_failure(ask(reply, deadlines), FailureKind::timeout, "did not begin to answer within 0.1 s");
}

BOOST_AUTO_TEST_CASE(after_a_silence_the_next_is_shorter_until_a_question_is_answered) {
    HttpServer server([](const HttpRequest& request) {
        HttpReply reply(200, "here");
        reply.faults.never_answer = request.target == "/silent";
        return reply;
    });
    with_client({}, [&server](Client& client) -> async::Task<void> {
        auto ask = [](Client& asked, Request request) -> async::Task<std::string> {
            request.deadlines.first_byte = 600ms;
            request.deadlines.first_byte_after_silence = 50ms;
            auto response = co_await asked.send(std::move(request));
            co_return response ? response->body : response.error().one_line();
        };
        auto first = co_await ask(client, get(server, "/silent"));
        BOOST_TEST(contains(first, "did not begin to answer within 0.6 s"), first);
        auto upload = put(server, "x");
        auto uploaded = co_await ask(client, std::move(upload));
        BOOST_TEST(uploaded == "here");
        auto second = co_await ask(client, get(server, "/silent"));
        BOOST_TEST(contains(second, "did not begin to answer within 0.1 s"), second);
        auto answered = co_await ask(client, get(server));
        BOOST_TEST(answered == "here");
        auto third = co_await ask(client, get(server, "/silent"));
        BOOST_TEST(contains(third, "did not begin to answer within 0.6 s"), third);
    });
}

BOOST_AUTO_TEST_CASE(a_stalled_body_ends_at_the_stall_deadline) {
    HttpReply reply(200, std::string(1000, 'x'));
    reply.faults.stall_after = 500;
    http::Deadlines deadlines;
    deadlines.stall = 50ms;
    check_failure(ask(reply, deadlines), FailureKind::timeout, "sent no byte of its answer for 0.1 s");
}

BOOST_AUTO_TEST_CASE(limits_among_the_settings_replace_those_of_every_request) {
    HttpReply reply(200, std::string(1000, 'x'));
    reply.faults.stall_after = 500;
    HttpServer server([reply](const HttpRequest&) { return reply; });
    http::ClientSettings settings;
    settings.stall_timeout = 50ms;
    check_failure(send_one(get(server), settings), FailureKind::timeout, "sent no byte of its answer for 0.1 s");

    boost::asio::io_context loop; // nobody runs it: connections are accepted by the kernel and stay silent
    boost::asio::ip::tcp::acceptor listener(loop, {boost::asio::ip::address_v4::loopback(), 0});
    auto directory = temporary_directory();
    settings = trusting(make_test_certificate("DNS:localhost"), directory);
    settings.connect_timeout = 50ms;
    Request request(Method::get, "https://127.0.0.1:" + std::to_string(listener.local_endpoint().port()) + "/");
    check_failure(send_one(request, settings), FailureKind::timeout, "took longer than 0.1 s");
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_read_ends_the_upload_at_the_stall_deadline) {
    HttpServerSettings settings;
    settings.answer_before_body = true;
    HttpServer server(
        [](const HttpRequest&) {
            HttpReply reply;
            reply.faults.delay = 60s; // and does not read meanwhile
            return reply;
        },
        settings);
    auto request = put(server, std::string(64 << 20, 'x'));
    request.deadlines.stall = 100ms;
    check_failure(send_one(request), FailureKind::timeout, "took no byte of the request for 0.1 s");
}

BOOST_AUTO_TEST_CASE(the_whole_exchange_has_a_deadline) {
    HttpReply reply(200, std::string(1000, 'x'));
    reply.faults.stall_after = 500;
    http::Deadlines deadlines;
    deadlines.total = 80ms;
    check_failure(ask(reply, deadlines), FailureKind::timeout, "took longer than 0.1 s");
}

BOOST_AUTO_TEST_CASE(an_address_that_swallows_everything_ends_at_the_connect_deadline) {
    // A listener whose queue is full does not answer.
    boost::asio::io_context loop;
    boost::asio::ip::tcp::acceptor listener(loop);
    listener.open(boost::asio::ip::tcp::v4());
    listener.bind({boost::asio::ip::address_v4::loopback(), 0});
    listener.listen(0);
    std::vector<boost::asio::ip::tcp::socket> fillers;
    for (int i = 0; i < 4; ++i) {
        auto& filler = fillers.emplace_back(loop);
        filler.open(boost::asio::ip::tcp::v4());
        filler.native_non_blocking(true);
        auto endpoint = listener.local_endpoint();
        ::connect(filler.native_handle(), endpoint.data(), static_cast<socklen_t>(endpoint.size())); // under way
    }
    Request request(Method::get, "http://127.0.0.1:" + std::to_string(listener.local_endpoint().port()) + "/");
    request.deadlines.connect = 80ms;
    check_failure(send_one(request), FailureKind::timeout, "connecting to 127.0.0.1");
}

BOOST_AUTO_TEST_CASE(a_silent_tls_server_ends_at_the_connect_deadline) {
    auto directory = temporary_directory();
    auto settings = trusting(make_test_certificate("DNS:localhost"), directory);
    boost::asio::io_context loop; // nobody runs it: connections are accepted by the kernel and stay silent
    boost::asio::ip::tcp::acceptor listener(loop, {boost::asio::ip::address_v4::loopback(), 0});
    Request request(Method::get, "https://127.0.0.1:" + std::to_string(listener.local_endpoint().port()) + "/");
    request.deadlines.connect = 80ms;
    check_failure(send_one(request, settings), FailureKind::timeout, "the TLS handshake with 127.0.0.1");
}

BOOST_AUTO_TEST_CASE(a_reset_anywhere_is_a_network_failure) {
    HttpReply at_once;
    at_once.faults.reset = true;
    check_failure(ask(at_once), FailureKind::network, "Connection reset by peer");
    HttpReply reply(200, std::string(1000, 'x'));
    for (std::uint64_t bytes : {1U, 10U, 500U}) {
        reply.faults.reset_after = bytes;
        auto response = ask(reply);
        BOOST_TEST_REQUIRE(!response.has_value());
        BOOST_TEST((response.error().kind() == FailureKind::network), response.error().one_line());
    }
}

BOOST_AUTO_TEST_CASE(a_truncated_body_is_told_with_its_bytes) {
    HttpReply reply(200, std::string(1000, 'x'));
    reply.faults.truncate_body = 250;
    check_failure(ask(reply), FailureKind::network, "after 250 of the answer's 1000 bytes");
    reply.chunked = true;
    check_failure(ask(reply), FailureKind::network, "after 250 bytes");
    HttpReply lie(200, "short");
    lie.faults.content_length = 50;
    lie.faults.close = true;
    check_failure(ask(lie), FailureKind::network, "after 5 of the answer's 50 bytes");
}

BOOST_AUTO_TEST_CASE(what_follows_a_body_longer_than_announced_is_not_taken_for_an_answer) {
    HttpServer server([](const HttpRequest&) {
        HttpReply reply(200, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        reply.faults.content_length = 0;
        return reply;
    });
    auto body = [&](Client& client) -> async::Task<void> {
        for (int i = 0; i < 3; ++i) {
            auto response = co_await client.send(get(server));
            BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
            BOOST_TEST(response->body == "");
        }
    };
    with_client({}, body);
    BOOST_TEST(server.connections() == 3);
}

BOOST_AUTO_TEST_CASE(a_body_that_ends_with_the_connection_is_whole) {
    HttpReply reply(200, "all of it");
    reply.until_close = true;
    auto response = ask(reply);
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->body == "all of it");
}

BOOST_AUTO_TEST_CASE(chunks_and_interim_answers_are_understood) {
    HttpReply reply(200, "in chunks ");
    reply.chunked = true;
    reply.repeat = 3;
    reply.interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    auto response = ask(reply);
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->body == "in chunks in chunks in chunks ");
    BOOST_TEST(!response->find_header("Link"));
}

BOOST_AUTO_TEST_CASE(what_is_no_http_at_all_may_heal_and_http_that_is_wrong_may_not) {
    HttpReply reply;
    reply.raw = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
    check_failure(ask(reply), FailureKind::network, "is not HTTP/1.1");
    reply.raw = "HTTP/1.1 200 OK\r\nContent-Length: a lot\r\n\r\n";
    check_failure(ask(reply), FailureKind::protocol, "is not HTTP/1.1");
    reply.raw = "HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x');
    check_failure(ask(reply), FailureKind::protocol, "longer than the 64.0 KiB");
}

// The body is far larger than what the two socket buffers take, so the client is still sending.
BOOST_AUTO_TEST_CASE(an_answer_that_comes_before_the_whole_body_was_sent_counts) {
    HttpServerSettings settings;
    settings.answer_before_body = true;
    HttpServer server([](const HttpRequest&) { return HttpReply(413, "too much"); }, settings);
    auto response = send_one(put(server, std::string(64 << 20, 'x')));
    // The kernel may drop the answer together with the connection; what must not happen is a success or a hang.
    if (response)
        BOOST_TEST(response->status == 413);
    else
        BOOST_TEST((response.error().kind() == FailureKind::network), response.error().one_line());
}

BOOST_AUTO_TEST_CASE(cancelling_closes_the_connection_and_is_no_failure) {
    HttpServer server([](const HttpRequest& request) {
        HttpReply reply(200, "x");
        reply.faults.never_answer = request.target == "/hang";
        return reply;
    });
    bool aborted = false;
    auto body = [&](Client& client) -> async::Task<void> {
        auto executor = co_await boost::asio::this_coro::executor;
        auto first = co_await client.send(get(server));
        BOOST_TEST(first.has_value());
        async::TaskGroup group(executor);
        group.spawn(send_until_cancelled(client, get(server, "/hang"), aborted));
        // The request is on its way once the server has it.
        while (server.log().size() < 2) co_await async::sleep_for(1ms);
        group.cancel();
        co_await group.join();
        auto after = co_await client.send(get(server));
        BOOST_TEST(after.has_value());
    };
    with_client({}, body);
    BOOST_TEST(aborted);
    BOOST_TEST(server.connections() == 2); // the hanging one was not used again
}

BOOST_AUTO_TEST_SUITE_END()
