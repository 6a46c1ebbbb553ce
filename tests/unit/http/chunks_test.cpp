// Bodies that are sent while they come.
#include "harness.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using http::Client;
using http::Method;
using http::Request;

namespace {

// Gives out these pieces, one after the other, and then fails if it should.
class Pieces final : public http::BodySource {
  public:
    explicit Pieces(std::vector<std::string> pieces, bool fails = false) : pieces_(std::move(pieces)), fails_(fails) {}
    std::size_t taken() const { return taken_; }

  private:
    async::Task<Result<std::string_view>> pull() override {
        if (taken_ < pieces_.size()) co_return std::string_view(pieces_[taken_++]);
        if (fails_) co_return Failure(FailureKind::store, "the rest is damaged");
        co_return std::string_view();
    }

    std::vector<std::string> pieces_;
    bool fails_;
    std::size_t taken_ = 0;
};

Request put_pieces(const HttpServer& server, std::shared_ptr<Pieces> pieces, const std::string& target = "/") {
    Request request(Method::put, server.url() + target);
    request.body_source = std::move(pieces);
    return request;
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_chunks)

BOOST_AUTO_TEST_CASE(what_comes_in_pieces_arrives_as_a_whole) {
    std::string arrived;
    HttpServer server([&](const HttpRequest& request) {
        arrived = request.body;
        return HttpReply(201);
    });
    std::vector<std::string> pieces{"a", std::string(300'000, 'b'), "c", std::string(1 << 20, 'd')};
    auto whole = pieces[0] + pieces[1] + pieces[2] + pieces[3];
    auto response = send_one(put_pieces(server, std::make_shared<Pieces>(pieces)));
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->status == 201);
    BOOST_TEST((arrived == whole));
    auto seen = server.log().at(0);
    BOOST_TEST(seen.header("Transfer-Encoding") == "chunked");
    BOOST_TEST(seen.header("Content-Length") == "");
}

BOOST_AUTO_TEST_CASE(nothing_is_a_body_too) {
    HttpServer server([](const HttpRequest&) { return HttpReply(201); });
    auto response = send_one(put_pieces(server, std::make_shared<Pieces>(std::vector<std::string>{})));
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(server.log().at(0).body_size == 0U);
}

BOOST_AUTO_TEST_CASE(what_breaks_off_is_never_taken_for_the_whole) {
    HttpServer server([](const HttpRequest&) { return HttpReply(201); });
    auto pieces = std::make_shared<Pieces>(std::vector<std::string>{std::string(100'000, 'a'), "b"}, true);
    auto response = send_one(put_pieces(server, pieces));
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST(contains(response.error().one_line(), "the rest is damaged"), response.error().one_line());
    BOOST_TEST(server.log().empty()); // it saw no end of it
}

BOOST_AUTO_TEST_CASE(a_success_before_the_end_is_none) {
    HttpServerSettings settings;
    settings.answer_before_body = true;
    HttpServer server([](const HttpRequest&) { return HttpReply(201); }, settings);
    auto pieces = std::make_shared<Pieces>(std::vector<std::string>(200, std::string(1 << 20, 'a')));
    auto response = send_one(put_pieces(server, pieces));
    BOOST_TEST_REQUIRE(!response.has_value(), text_of(response));
    BOOST_TEST(response.error().can_heal());
    BOOST_TEST(pieces->taken() < 200U);
}

BOOST_AUTO_TEST_CASE(a_refusal_before_the_end_is_the_answer) {
    HttpServerSettings settings;
    settings.answer_before_body = true;
    HttpServer server([](const HttpRequest&) { return HttpReply(411, "Length Required"); }, settings);
    auto pieces = std::make_shared<Pieces>(std::vector<std::string>(200, std::string(1 << 20, 'a')));
    auto response = send_one(put_pieces(server, pieces));
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->status == 411);
}

BOOST_AUTO_TEST_CASE(it_is_sent_once_and_to_one_place) {
    HttpServer server([](const HttpRequest& request) {
        HttpReply reply(request.target == "/moved" ? 307 : 201);
        if (reply.status == 307) reply.headers.emplace_back("Location", "/elsewhere");
        return reply;
    });
    auto response = send_one(put_pieces(server, std::make_shared<Pieces>(std::vector<std::string>{"a"}), "/moved"));
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->status == 307);
    BOOST_TEST(server.log().size() == 1U);
}

BOOST_AUTO_TEST_CASE(nor_is_it_sent_again_where_the_connection_is_lost) {
    HttpServer server([](const HttpRequest& request) {
        HttpReply reply(200);
        reply.faults.reset = request.method == "PUT";
        return reply;
    });
    auto body = [&](Client& client) -> async::Task<void> {
        auto warm = co_await client.send(get(server));
        BOOST_TEST(warm.has_value());
        auto request = put_pieces(server, std::make_shared<Pieces>(std::vector<std::string>{"a", "b"}));
        auto response = co_await client.send(std::move(request));
        BOOST_TEST(!response.has_value());
    };
    with_client({}, body);
    BOOST_TEST(server.log().size() == 2U);
    BOOST_TEST(server.connections() == 2U); // a fresh one for what cannot be repeated
}

BOOST_AUTO_TEST_CASE(a_slow_source_is_not_the_servers_fault) {
    class Slow final : public http::BodySource {
        async::Task<Result<std::string_view>> pull() override {
            if (std::exchange(is_done_, true)) co_return std::string_view();
            co_await async::sleep_for(120ms);
            co_return std::string_view("late");
        }
        bool is_done_ = false;
    };
    HttpServer server([](const HttpRequest&) { return HttpReply(201); });
    Request request(Method::put, server.url());
    request.body_source = std::make_shared<Slow>();
    request.deadlines.stall = 40ms;
    auto response = send_one(std::move(request));
    BOOST_TEST(response.has_value(), text_of(response));
}

BOOST_AUTO_TEST_CASE(nor_does_it_excuse_a_server_that_reads_no_more) {
    class Endless final : public http::BodySource {
        async::Task<Result<std::string_view>> pull() override {
            if (!std::exchange(was_slow_, true)) co_await async::sleep_for(120ms);
            co_return std::string_view(piece_);
        }
        std::string piece_ = std::string(1 << 20, 'a');
        bool was_slow_ = false;
    };
    boost::asio::io_context loop;
    boost::asio::ip::tcp::endpoint anywhere(boost::asio::ip::address_v4::loopback(), 0);
    boost::asio::ip::tcp::acceptor silent(loop, anywhere);
    Request request(Method::put, "http://127.0.0.1:" + std::to_string(silent.local_endpoint().port()) + "/");
    request.body_source = std::make_shared<Endless>();
    request.deadlines.stall = 40ms;
    auto response = send_one(std::move(request));
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST((response.error().kind() == FailureKind::timeout), response.error().one_line());
}

BOOST_AUTO_TEST_SUITE_END()
