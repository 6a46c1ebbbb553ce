#include "async/task_group.hpp"
#include "base/text.hpp"
#include "harness.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using http::Client;
using http::ClientSettings;
using http::Method;
using http::Request;

namespace {

HttpReply echo(const HttpRequest& request) {
    HttpReply reply(200, request.method + " " + request.target + "\n" + request.body);
    reply.headers.emplace_back("X-Seen", request.header("X-Given"));
    return reply;
}

async::Task<void> send_into(Client& client, Request request, std::vector<int>& statuses) {
    auto response = co_await client.send(std::move(request));
    statuses.push_back(response ? response->status : -1);
}

async::Task<void> send_and_expect(Client& client, Request request, int status) {
    auto response = co_await client.send(std::move(request));
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->status == status);
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_exchange)

BOOST_AUTO_TEST_CASE(a_get_brings_status_headers_and_body) {
    HttpServer server(echo);
    auto request = get(server, "/some/path?x=1&y=%20");
    request.headers.push_back({"X-Given", "Wert"});
    auto response = send_one(request);
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->status == 200);
    BOOST_TEST(response->body == "GET /some/path?x=1&y=%20\n");
    BOOST_TEST(response->find_header("x-seen").value_or("") == "Wert");
    BOOST_TEST(response->effective_url == server.url() + "/some/path?x=1&y=%20");
    auto seen = server.log().at(0);
    BOOST_TEST(seen.header("Host") == "127.0.0.1:" + std::to_string(server.port()));
    BOOST_TEST(seen.header("User-Agent") == "cachefill");
    BOOST_TEST(seen.header("Accept-Encoding") == "zstd, gzip");
    BOOST_TEST(seen.header("Expect") == "");
    BOOST_TEST(seen.header("Authorization") == "");
}

BOOST_AUTO_TEST_CASE(each_method_goes_out_with_its_body_and_length) {
    HttpServer server(echo);
    for (auto method : {Method::put, Method::post}) {
        Request request(method, server.url() + "/x");
        request.body = std::make_shared<const std::string>("content");
        auto response = send_one(request);
        BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
        BOOST_TEST(response->body == std::string(to_string(method)) + " /x\ncontent");
    }
    auto deleted = send_one(Request(Method::del, server.url() + "/x"));
    BOOST_TEST_REQUIRE(deleted.has_value(), text_of(deleted));
    BOOST_TEST(deleted->body == "DELETE /x\n");
    auto empty = send_one(Request(Method::post, server.url() + "/x"));
    BOOST_TEST_REQUIRE(empty.has_value(), text_of(empty));
    BOOST_TEST(server.log().back().header("Content-Length") == "0");
}

BOOST_AUTO_TEST_CASE(the_answer_to_head_has_no_body_and_leaves_the_connection_usable) {
    HttpServer server([](const HttpRequest&) { return HttpReply(200, "not sent"); });
    auto body = [&](Client& client) -> async::Task<void> {
        Request head(Method::head, server.url() + "/a");
        auto response = co_await client.send(head);
        BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
        BOOST_TEST(response->body.empty());
        BOOST_TEST(response->find_header("Content-Length").value_or("") == "8");
        co_await send_and_expect(client, get(server), 200);
    };
    with_client({}, body);
    BOOST_TEST(server.connections() == 1);
}

BOOST_AUTO_TEST_CASE(any_status_is_a_response) {
    HttpServer server([](const HttpRequest& request) { return HttpReply(std::stoi(request.target.substr(1)), "x"); });
    for (int status : {201, 204, 304, 400, 401, 403, 404, 429, 500, 503}) {
        auto response = send_one(get(server, "/" + std::to_string(status)));
        BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
        BOOST_TEST(response->status == status);
        BOOST_TEST(response->body == (status == 204 || status == 304 ? "" : "x"));
    }
}

BOOST_AUTO_TEST_CASE(requests_one_after_another_share_one_connection) {
    HttpServer server(echo);
    auto body = [&](Client& client) -> async::Task<void> {
        for (int i = 0; i < 20; ++i) co_await send_and_expect(client, get(server), 200);
        for (int i = 0; i < 5; ++i) co_await send_and_expect(client, put(server, std::string(100'000, 'x')), 200);
    };
    with_client({}, body);
    BOOST_TEST(server.connections() == 1);
    BOOST_TEST(server.log().size() == 25);
}

BOOST_AUTO_TEST_CASE(never_more_connections_to_a_host_than_allowed) {
    HttpServer server([](const HttpRequest&) {
        HttpReply reply(200, "x");
        reply.faults.delay = 5ms;
        return reply;
    });
    ClientSettings settings;
    settings.connections_per_host = 4;
    std::vector<int> statuses;
    auto body = [&](Client& client) -> async::Task<void> {
        async::TaskGroup group(co_await async::asio::this_coro::executor);
        for (int i = 0; i < 40; ++i) group.spawn(send_into(client, get(server), statuses));
        co_await group.join();
    };
    with_client(settings, body);
    BOOST_TEST(statuses.size() == 40);
    BOOST_TEST(std::count(statuses.begin(), statuses.end(), 200) == 40);
    BOOST_TEST(server.connections() == 4);
    BOOST_TEST(server.most_at_once() == 4);
}

BOOST_AUTO_TEST_CASE(waiting_for_ones_turn_does_not_count_against_the_deadline) {
    HttpServer server([](const HttpRequest&) {
        HttpReply reply(200, "x");
        reply.faults.delay = 100ms;
        return reply;
    });
    ClientSettings settings;
    settings.connections_per_host = 1;
    std::vector<int> statuses;
    auto body = [&](Client& client) -> async::Task<void> {
        async::TaskGroup group(co_await async::asio::this_coro::executor);
        for (int i = 0; i < 5; ++i) {
            auto request = get(server);
            request.deadlines.total = 400ms;
            group.spawn(send_into(client, request, statuses));
        }
        co_await group.join();
    };
    with_client(settings, body);
    BOOST_TEST(std::count(statuses.begin(), statuses.end(), 200) == 5);
}

BOOST_AUTO_TEST_CASE(an_idle_connection_past_its_time_is_not_used_again) {
    HttpServer server(echo);
    ClientSettings settings;
    settings.idle_timeout = 0ms;
    auto body = [&](Client& client) -> async::Task<void> {
        for (int i = 0; i < 3; ++i) co_await send_and_expect(client, get(server), 200);
    };
    with_client(settings, body);
    BOOST_TEST(server.connections() == 3);
}

BOOST_AUTO_TEST_CASE(a_connection_that_the_server_announces_to_close_is_not_used_again) {
    HttpServer server([](const HttpRequest&) {
        HttpReply reply(200, "x");
        reply.faults.close = true;
        return reply;
    });
    auto body = [&](Client& client) -> async::Task<void> {
        for (int i = 0; i < 3; ++i) co_await send_and_expect(client, get(server), 200);
    };
    with_client({}, body);
    BOOST_TEST(server.connections() == 3);
}

BOOST_AUTO_TEST_CASE(a_connection_that_the_server_closed_while_idle_is_replaced_also_for_a_post) {
    HttpServer server(echo);
    auto body = [&](Client& client) -> async::Task<void> {
        co_await send_and_expect(client, get(server), 200);
        server.close_idle_connections();
        Request post(Method::post, server.url());
        co_await send_and_expect(client, post, 200);
    };
    with_client({}, body);
    BOOST_TEST(server.connections() == 2);
    BOOST_TEST(server.log().size() == 2);
}

// The server takes the second request on a connection and hangs up: it looks to us as if it had timed out just then.
BOOST_AUTO_TEST_CASE(a_request_that_may_repeat_survives_a_stale_connection_and_a_post_does_not) {
    for (bool with_reset : {false, true}) {
        int left_on_connection = 1;
        std::uint64_t current = 0;
        HttpServer server([&](const HttpRequest& request) {
            if (request.connection != current) left_on_connection = 1;
            current = request.connection;
            HttpReply reply(200, "x");
            if (left_on_connection-- <= 0) (with_reset ? reply.faults.reset : reply.faults.hang_up) = true;
            return reply;
        });
        auto body = [&](Client& client) -> async::Task<void> {
            co_await send_and_expect(client, get(server), 200);
            co_await send_and_expect(client, get(server, "/again"), 200);
            co_await send_and_expect(client, put(server, "body"), 200);
            Request post(Method::post, server.url());
            auto response = co_await client.send(post);
            BOOST_TEST_REQUIRE(!response.has_value());
            BOOST_TEST((response.error().kind() == FailureKind::network));
        };
        with_client({}, body);
        BOOST_TEST(server.connections() == 3);
        BOOST_TEST(server.log().size() == 6); // two of them twice
    }
}

BOOST_AUTO_TEST_CASE(a_fresh_connection_that_is_hung_up_on_is_not_tried_again) {
    HttpServer server([](const HttpRequest&) {
        HttpReply reply;
        reply.faults.hang_up = true;
        return reply;
    });
    auto response = send_one(get(server));
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST((response.error().kind() == FailureKind::network));
    BOOST_TEST(contains(response.error().one_line(), "closed the connection"), response.error().one_line());
    BOOST_TEST(server.log().size() == 1);
}

BOOST_AUTO_TEST_CASE(headers_that_would_break_out_of_their_line_are_refused) {
    HttpServer server(echo);
    for (const auto& [name, value] :
         {std::pair("X-A", "b\r\nX-Evil: 1"), std::pair("X A", "b"), std::pair("Content-Length", "7")}) {
        auto request = get(server);
        request.headers.push_back({name, value});
        auto response = send_one(request);
        BOOST_TEST_REQUIRE(!response.has_value());
        BOOST_TEST((response.error().kind() == FailureKind::usage));
    }
    auto request = get(server);
    request.bearer = Secret("token\n");
    auto response = send_one(request);
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST(!contains(response.error().one_line(), "token\n"));
    BOOST_TEST(server.connections() == 0);
}

BOOST_AUTO_TEST_CASE(credentials_are_taken_from_bearer_then_url_then_netrc) {
    HttpServer server(echo);
    auto directory = temporary_directory();
    ClientSettings settings;
    settings.netrc = {directory.path() / "netrc"};
    BOOST_TEST(write_file_atomically(settings.netrc[0], "machine 127.0.0.1 password TOKEN\n").has_value());

    auto plain = get(server);
    BOOST_TEST(send_one(plain, settings).has_value());
    BOOST_TEST(server.log().back().header("Authorization") == "Basic OlRPS0VO"); // ":TOKEN"

    Request with_login(Method::get, "http://me:p%40ss@127.0.0.1:" + std::to_string(server.port()) + "/");
    auto response = send_one(with_login, settings);
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(server.log().back().header("Authorization") == "Basic bWU6cEBzcw=="); // "me:p@ss"
    BOOST_TEST(response->effective_url == server.url() + "/");

    with_login.bearer = Secret("abc");
    BOOST_TEST(send_one(with_login, settings).has_value());
    BOOST_TEST(server.log().back().header("Authorization") == "Bearer abc");

    with_login.headers.push_back({"Authorization", "AWS4 x"});
    BOOST_TEST(send_one(with_login, settings).has_value());
    BOOST_TEST(server.log().back().header("Authorization") == "AWS4 x");
}

BOOST_AUTO_TEST_CASE(a_login_that_is_refused_gives_way_to_the_next_files) {
    std::string accepted = "Basic a2ltOnNlY29uZA=="; // kim:second
    HttpServer server([&accepted](const HttpRequest& request) {
        return HttpReply(request.header("Authorization") == accepted ? 200 : 401);
    });
    auto directory = temporary_directory();
    ClientSettings settings;
    settings.netrc = {directory.path() / "first", directory.path() / "absent", directory.path() / "second"};
    BOOST_REQUIRE(write_file_atomically(settings.netrc[0], "machine 127.0.0.1 login kim password first\n"
                                                           "default login anybody password x\n"));
    BOOST_REQUIRE(write_file_atomically(settings.netrc[2], "machine 127.0.0.1 login kim password second\n"));
    auto body = [&](http::Client& client) -> async::Task<void> {
        auto status_of = [&client](Request request) -> async::Task<int> {
            auto response = co_await client.send(std::move(request));
            co_return response ? response->status : 0;
        };
        BOOST_TEST(co_await status_of(get(server)) == 200);
        BOOST_TEST(server.log().size() == 2U);
        BOOST_TEST(co_await status_of(put(server, "content")) == 200); // remembered
        BOOST_TEST(server.log().size() == 3U);
        accepted = "Basic a2ltOmZpcnN0"; // kim:first
        BOOST_TEST(co_await status_of(put(server, "content")) == 200);
        BOOST_TEST(server.log().back().body_size == 7U);
        accepted = "nothing";
        auto before = server.log().size();
        BOOST_TEST(co_await status_of(get(server)) == 401);
        BOOST_TEST(server.log().size() == before + 4); // each once, "default" and none at last
    };
    with_client(settings, body);
}

BOOST_AUTO_TEST_CASE(a_user_without_a_password_finds_his_in_netrc) {
    HttpServer server(echo);
    auto directory = temporary_directory();
    ClientSettings settings;
    settings.netrc = {directory.path() / "netrc"};
    BOOST_REQUIRE(write_file_atomically(settings.netrc[0], "machine 127.0.0.1 login alex password a\n"
                                                           "machine 127.0.0.1 login kim password second\n"));
    for (auto [user, header] : {std::pair("kim", "Basic a2ltOnNlY29uZA=="), std::pair("robin", "Basic cm9iaW46")}) {
        Request request(Method::get,
                        "http://" + std::string(user) + "@127.0.0.1:" + std::to_string(server.port()) + "/");
        BOOST_TEST(send_one(request, settings).has_value());
        BOOST_TEST(server.log().back().header("Authorization") == header);
    }
}

BOOST_AUTO_TEST_CASE(failures_name_the_request_and_hide_its_secrets) {
    Request request(Method::get, "http://me:secret@127.0.0.1:1/x?X-Amz-Signature=verysecret");
    auto response = send_one(request);
    BOOST_TEST_REQUIRE(!response.has_value());
    auto line = response.error().one_line();
    BOOST_TEST((response.error().kind() == FailureKind::network));
    BOOST_TEST(contains(line, "GET http://127.0.0.1:1/x"), line);
    BOOST_TEST(contains(line, "Connection refused"), line);
    BOOST_TEST(!contains(line, "secret"), line);
}

BOOST_AUTO_TEST_CASE(unusable_urls_are_usage_failures) {
    for (const auto* url : {"", "example.com/x", "ftp://example.com/", "http://", "http://a:99999/", "http://a b/"}) {
        auto response = send_one(Request(Method::get, url));
        BOOST_TEST_REQUIRE(!response.has_value());
        BOOST_TEST((response.error().kind() == FailureKind::usage), url);
    }
}

BOOST_AUTO_TEST_SUITE_END()
