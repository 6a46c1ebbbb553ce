#include "app/deliver.hpp"
#include "async/retry_policy.hpp"
#include "base/text.hpp"
#include "http/client.hpp"
#include "support/http_server.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

const std::string secret_path = "/api/webhooks/123456789/s3cret-token-of-the-webhook";

Result<void> post_to(const HttpServer& server, const std::string& body) {
    async::RetryPolicy policy{.first_delay = 1ms, .longest_delay = 2ms, .budget = 3s};
    auto url = server.url() + secret_path;
    return run_task<Result<void>>([=](async::Executor executor) -> async::Task<Result<void>> {
        http::ClientSettings settings;
        auto client = http::make_client(executor, std::move(settings));
        Secret secret(url);
        auto sent = co_await app::deliver(*client, secret, body, policy);
        co_return sent;
    });
}

void check_that_nothing_is_given_away(const Failure& failure) {
    auto text = render(failure) + failure.one_line();
    BOOST_TEST(text.find("s3cret") == std::string::npos, text);
    BOOST_TEST(text.find("123456789") == std::string::npos, text);
}

} // namespace

BOOST_AUTO_TEST_SUITE(delivering)

BOOST_AUTO_TEST_CASE(a_message_is_posted_once_as_json) {
    std::string got, type;
    HttpServer server([&](const HttpRequest& request) {
        got = request.body;
        type = request.header("Content-Type");
        return HttpReply(204);
    });
    BOOST_TEST(post_to(server, R"({"a":1})").has_value());
    auto log = server.log();
    server.stop();
    BOOST_REQUIRE(log.size() == 1U);
    BOOST_TEST(log[0].method == "POST");
    BOOST_TEST(log[0].target == secret_path);
    BOOST_TEST(got == R"({"a":1})");
    BOOST_TEST(type == "application/json");
}

BOOST_AUTO_TEST_CASE(a_service_that_says_later_is_asked_again) {
    int asked = 0;
    HttpServer server(
        [&](const HttpRequest&) { return HttpReply(++asked < 3 ? (asked == 1 ? 429 : 503) : 200, "ok"); });
    BOOST_TEST(post_to(server, "{}").has_value());
    BOOST_TEST(server.log().size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_webhook_that_is_gone_is_told_with_what_to_do_and_without_its_url) {
    HttpServer server([&](const HttpRequest& request) { return HttpReply(404, "no webhook at " + request.target); });
    auto sent = post_to(server, "{}");
    BOOST_REQUIRE(!sent);
    BOOST_TEST(server.log().size() == 1U);
    check_that_nothing_is_given_away(sent.error());
    BOOST_TEST(sent.error().one_line().find("404") != std::string::npos);
    BOOST_TEST(sent.error().one_line().find("127.0.0.1") != std::string::npos);
    BOOST_TEST(sent.error().hint().find("make a new one") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_message_that_may_have_arrived_is_not_sent_again) {
    HttpServer server([&](const HttpRequest&) {
        HttpReply reply(200);
        reply.faults.hang_up = false;
        reply.faults.never_answer = true;
        return reply;
    });
    auto url = server.url() + secret_path;
    auto sent = run_task<Result<void>>([=](async::Executor executor) -> async::Task<Result<void>> {
        class Impatient : public http::Client { // the real one, with less patience than the command has
          public:
            explicit Impatient(http::Client& client) : client_(client) {}
            async::Task<Result<http::Response>> send(http::Request request) override {
                request.deadlines.first_byte = 50ms;
                co_return co_await client_.send(std::move(request));
            }

          private:
            http::Client& client_;
        };
        http::ClientSettings settings;
        auto client = http::make_client(executor, std::move(settings));
        Impatient impatient(*client);
        Secret secret(url);
        async::RetryPolicy policy{.first_delay = 1ms, .longest_delay = 2ms, .budget = 3s};
        auto result = co_await app::deliver(impatient, secret, "{}", policy);
        co_return result;
    });
    BOOST_REQUIRE(!sent);
    BOOST_TEST(server.log().size() == 1U);
    BOOST_TEST(sent.error().one_line().find("may have arrived") != std::string::npos);
    check_that_nothing_is_given_away(sent.error());
}

BOOST_AUTO_TEST_CASE(what_is_no_url_is_refused_without_being_shown) {
    auto sent = run_task<Result<void>>([](async::Executor executor) -> async::Task<Result<void>> {
        http::ClientSettings settings;
        auto client = http::make_client(executor, std::move(settings));
        Secret secret("discord s3cret");
        async::RetryPolicy policy;
        auto result = co_await app::deliver(*client, secret, "no body", policy);
        co_return result;
    });
    BOOST_REQUIRE(!sent);
    BOOST_TEST((sent.error().kind() == FailureKind::usage));
    check_that_nothing_is_given_away(sent.error());
}

BOOST_AUTO_TEST_SUITE_END()
