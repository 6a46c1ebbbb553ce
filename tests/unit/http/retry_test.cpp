#include "async/retry.hpp"
#include "harness.hpp"
#include "http/retry_after.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using http::Client;
using http::Method;
using http::Request;
using http::Response;

namespace {

async::RetryPolicy quick() {
    async::RetryPolicy policy;
    policy.first_delay = 1ms;
    policy.longest_delay = 5ms;
    policy.budget = 60s;
    return policy;
}

Result<Response> send_patiently(Request request, async::RetryPolicy policy = quick(),
                                std::function<bool(const Response&)> expected = {}) {
    std::optional<Result<Response>> response;
    auto body = [&](Client& client) -> async::Task<void> {
        response.emplace(co_await http::send_with_retry(client, request, policy, expected));
    };
    with_client({}, body);
    return std::move(*response);
}

Response answer(int status, std::string body = {}, std::vector<http::Header> headers = {}) {
    Response response;
    response.status = status;
    response.body = std::move(body);
    response.headers = std::move(headers);
    response.effective_url = "https://cache.example/x";
    return response;
}

Failure failure_for(const Response& response) {
    return http::status_failure(Request(Method::get, "https://cache.example/x"), response);
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_retry)

BOOST_AUTO_TEST_CASE(failures_that_can_heal_are_tried_again) {
    int tries = 0;
    HttpServer server([&](const HttpRequest&) {
        HttpReply reply(200, "at last");
        switch (++tries) {
        case 1:
            return HttpReply(503, "not now");
        case 2:
            reply.faults.reset = true;
            break;
        case 3:
            reply.faults.truncate_body = 3;
            break;
        case 4:
            return HttpReply(429);
        default:
            break;
        }
        return reply;
    });
    auto response = send_patiently(put(server, "body"));
    server.stop();
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->body == "at last");
    BOOST_TEST(tries == 5);
}

BOOST_AUTO_TEST_CASE(answers_that_cannot_heal_come_back_at_once) {
    HttpServer server([](const HttpRequest& request) { return HttpReply(std::stoi(request.target.substr(1)), "why"); });
    for (auto [status, kind] : {std::pair(401, FailureKind::auth), std::pair(403, FailureKind::auth),
                                std::pair(400, FailureKind::protocol), std::pair(501, FailureKind::protocol)}) {
        auto response = send_patiently(get(server, "/" + std::to_string(status)));
        BOOST_TEST_REQUIRE(!response.has_value());
        BOOST_TEST((response.error().kind() == kind));
        BOOST_TEST(response.error().http_status() == status);
    }
    BOOST_TEST(send_patiently(get(server, "/404"))->status == 404);
    BOOST_TEST(send_patiently(get(server, "/410"))->status == 410);
    BOOST_TEST(server.log().size() == 6);
}

BOOST_AUTO_TEST_CASE(the_caller_decides_what_is_expected) {
    HttpServer server([](const HttpRequest&) { return HttpReply(412); });
    auto expected = [](const Response& response) { return response.status == 412; };
    auto response = send_patiently(get(server), quick(), expected);
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    auto nothing = [](const Response&) { return false; };
    BOOST_TEST(!send_patiently(get(server), quick(), nothing).has_value());
}

BOOST_AUTO_TEST_CASE(it_gives_up_when_the_budget_is_used_up_and_says_how_often_it_tried) {
    HttpServer server([](const HttpRequest&) { return HttpReply(500, "Something went wrong"); });
    auto policy = quick();
    policy.budget = 30ms;
    auto response = send_patiently(get(server, "/x"), policy);
    BOOST_TEST_REQUIRE(!response.has_value());
    auto line = response.error().one_line();
    BOOST_TEST((response.error().kind() == FailureKind::network));
    BOOST_TEST(contains(line, "/x answered 500 Internal Server Error: Something went wrong"), line);
    BOOST_TEST(contains(line, std::to_string(server.log().size()) + " tries in"), line);
    BOOST_TEST(server.log().size() > 2);
}

BOOST_AUTO_TEST_CASE(a_server_that_asks_for_more_than_the_budget_is_not_asked_again) {
    HttpServer server([](const HttpRequest&) {
        HttpReply reply(429);
        reply.headers.emplace_back("Retry-After", "100");
        return reply;
    });
    auto response = send_patiently(get(server));
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST((response.error().retry_after() == 100s));
    BOOST_TEST(server.log().size() == 1);
}

BOOST_AUTO_TEST_CASE(what_a_sink_received_is_not_sent_to_it_twice) {
    HttpServer server([](const HttpRequest&) {
        HttpReply reply(200, "0123456789");
        reply.faults.truncate_body = 5;
        return reply;
    });
    std::string received;
    auto request = get(server);
    request.sink = [&](std::string_view piece) -> Result<void> {
        received += piece;
        return {};
    };
    auto response = send_patiently(request);
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST(received == "01234");
    BOOST_TEST(server.log().size() == 1);
}

BOOST_AUTO_TEST_CASE(retry_after_is_read_in_all_its_forms) {
    auto now = std::chrono::system_clock::from_time_t(784'111'777); // Sun, 06 Nov 1994 08:49:37 GMT
    auto header = [&](std::string value) {
        return http::find_retry_after(answer(429, "", {{"retry-after", std::move(value)}}), now);
    };
    BOOST_TEST((header("7") == 7s));
    BOOST_TEST((header(" 120 ") == 120s));
    BOOST_TEST((header("Sun, 06 Nov 1994 08:50:07 GMT") == 30s));
    BOOST_TEST(!header("Sun, 06 Nov 1994 08:49:37 GMT"));
    BOOST_TEST(!header("Sun, 06 Nov 1984 08:49:37 GMT"));
    BOOST_TEST(!header("0"));
    BOOST_TEST(!header("-5"));
    BOOST_TEST(!header("soon"));
    BOOST_TEST(!header(""));
    BOOST_TEST((header("99999999999999999999") == std::nullopt));
    BOOST_TEST((header("9999999999") == 24h));

    auto body = [&](std::string text, std::string type) {
        return http::find_retry_after(answer(429, std::move(text), {{"Content-Type", std::move(type)}}), now);
    };
    BOOST_TEST((body(R"({"retry_after": 30})", "application/problem+json") == 30s));
    BOOST_TEST((body(R"({"retry_after": 30})", "application/json; charset=utf-8") == 30s));
    BOOST_TEST(!body(R"({"retry_after": 30})", "text/plain"));
    for (const auto* text : {R"({"retry_after": 0})", R"({"retry_after": -3})", R"({"retry_after": "30"})",
                             R"({"retry_after": 1.5})", "[30]", "{", ""})
        BOOST_TEST(!body(text, "application/json"), text);
    auto both = answer(429, R"({"retry_after": 30})", {{"Content-Type", "application/json"}, {"Retry-After", "5"}});
    BOOST_TEST((http::find_retry_after(both, now) == 5s));
}

BOOST_AUTO_TEST_CASE(a_status_tells_its_kind) {
    using enum FailureKind;
    for (auto [status, kind] :
         {std::pair(401, auth), std::pair(403, auth), std::pair(407, auth), std::pair(404, not_found),
          std::pair(410, not_found), std::pair(408, network), std::pair(425, network), std::pair(429, network),
          std::pair(500, network), std::pair(502, network), std::pair(503, network), std::pair(504, network),
          std::pair(521, network), std::pair(501, protocol), std::pair(505, protocol), std::pair(511, protocol),
          std::pair(400, protocol), std::pair(302, protocol), std::pair(200, protocol)}) {
        auto failure = failure_for(answer(status));
        BOOST_TEST((failure.kind() == kind), status);
        BOOST_TEST(failure.http_status() == status);
    }
}

BOOST_AUTO_TEST_CASE(a_status_failure_quotes_a_text_shortly_and_harmlessly) {
    auto cause = [](std::string body, std::string type = "text/plain") {
        return failure_for(answer(502, std::move(body), {{"Content-Type", std::move(type)}})).cause();
    };
    BOOST_TEST(cause("") == "GET https://cache.example/x answered 502 Bad Gateway");
    BOOST_TEST(cause("\n\x1b[31mline one\r\nline two\n").ends_with(": line one"));
    BOOST_TEST(contains(cause("{\n  \"message\": \"no\"\n}\n", "application/json"), ": { \"message\": \"no\" }"));
    BOOST_TEST(!contains(cause(std::string("\0\1\2", 3)), ":  "));
    BOOST_TEST(cause(std::string(5000, 'x')).size() < 300);
    auto html = cause("<html><head><TITLE>502 Bad\ngateway</TITLE></head><body><h1>nginx</h1></body></html>",
                      "text/html; charset=utf-8");
    BOOST_TEST(contains(html, ": 502 Bad gateway"), html);
    BOOST_TEST(!contains(html, "nginx"), html);
    BOOST_TEST(cause("<html><title>Too large</title></html>").ends_with(": Too large")); // whatever it is called
    BOOST_TEST(
        cause("<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>",
              "application/xml")
            .ends_with(": Access Denied."));
    BOOST_TEST(cause("<html><body>none</body></html>").ends_with("502 Bad Gateway"));
}

BOOST_AUTO_TEST_CASE(dates_of_servers_are_read) {
    auto date = http::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
    BOOST_TEST((date == std::chrono::system_clock::from_time_t(784111777)));
    for (const auto* text : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06", "Fri, 31 Dec 9999 23:59:59 GMT"})
        BOOST_TEST(!http::parse_http_date(text));
}

BOOST_AUTO_TEST_SUITE_END()
