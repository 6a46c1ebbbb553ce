#include "http/client.hpp"
#include "unit/github/harness.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;
using async::Task;
using github::ActionsApi;
using github::RestClient;
using nlohmann::json;

BOOST_AUTO_TEST_SUITE(github_rest)

BOOST_AUTO_TEST_CASE(an_unchanged_answer_is_asked_for_by_its_etag_and_taken_from_memory) {
    GithubServer server;
    server.set(repository_with(json::array({one_run({{{"status", "queued"}}})})));
    auto body = [](RestClient&, ActionsApi& api) -> Task<void> {
        for (int look = 0; look < 3; ++look) {
            auto runs = co_await api.runs_of_commit(sha);
            BOOST_REQUIRE(runs.has_value());
            BOOST_REQUIRE(runs->size() == 1U);
            BOOST_TEST(runs->front().id == 7U);
        }
    };
    with_rest(server, "", body);
    auto log = server.log();
    BOOST_REQUIRE(log.size() == 3U);
    BOOST_TEST(log[0].header("If-None-Match") == "");
    BOOST_TEST(log[1].header("If-None-Match") != "");
    BOOST_TEST(log[2].header("If-None-Match") == log[1].header("If-None-Match"));
    BOOST_TEST(log[0].header("X-GitHub-Api-Version") == "2022-11-28");
}

BOOST_AUTO_TEST_CASE(every_page_of_a_list_is_read) {
    GithubServer::Settings settings;
    settings.page_size = 2;
    GithubServer server(settings);
    auto runs = json::array();
    for (int id = 1; id <= 5; ++id) runs.push_back({{"id", id}, {"sha", sha}, {"frames", {{{"status", "queued"}}}}});
    server.set(repository_with(runs));
    auto body = [](RestClient&, ActionsApi& api) -> Task<void> {
        auto found = co_await api.runs_of_commit(sha);
        BOOST_REQUIRE(found.has_value());
        BOOST_TEST(found->size() == 5U);
        auto few = co_await api.runs_of_branch("main", 3);
        BOOST_REQUIRE(few.has_value());
        BOOST_TEST(few->size() == 3U);
    };
    with_rest(server, "", body);
}

BOOST_AUTO_TEST_CASE(a_used_up_rate_limit_is_told_at_once_with_its_end) {
    GithubServer server;
    server.set(repository_with(json::array()));
    server.set_remaining(0);
    auto body = [](RestClient&, ActionsApi& api) -> Task<void> {
        auto runs = co_await api.runs_of_commit(sha);
        BOOST_REQUIRE(!runs.has_value());
        BOOST_TEST(runs.error().cause().find("limit of 60 requests an hour is used up until") != std::string::npos);
        BOOST_TEST(runs.error().hint().find("GH_TOKEN") != std::string::npos);
        BOOST_TEST((runs.error().retry_after().value_or(0s) > 1700s));
    };
    with_rest(server, "", body);
    BOOST_TEST(server.log().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_secondary_limit_that_ends_soon_is_waited_for) {
    GithubServer server;
    server.set(repository_with(json::array()));
    HttpReply limited(403, R"({"message":"You have exceeded a secondary rate limit."})");
    limited.headers.emplace_back("Retry-After", "1");
    server.fail_next(limited);
    auto body = [](RestClient&, ActionsApi& api) -> Task<void> {
        auto runs = co_await api.runs_of_commit(sha);
        BOOST_TEST(runs.has_value());
    };
    with_rest(server, "", body);
    BOOST_TEST(server.log().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_secondary_limit_without_a_time_is_waited_for_a_minute_and_so_told) {
    GithubServer server;
    server.fail_next(HttpReply(403, R"({"message":"You have exceeded a secondary rate limit."})"));
    auto body = [](RestClient&, ActionsApi& api) -> Task<void> {
        auto runs = co_await api.runs_of_commit(sha);
        BOOST_REQUIRE(!runs.has_value());
        BOOST_TEST((runs.error().retry_after() == 60s));
        BOOST_TEST(runs.error().can_heal());
    };
    with_rest(server, "", body);
}

BOOST_AUTO_TEST_CASE(a_server_in_trouble_is_asked_again) {
    GithubServer server;
    server.set(repository_with(json::array()));
    server.fail_next(HttpReply(502, "<html><title>Unicorn</title></html>"));
    auto body = [](RestClient&, ActionsApi& api) -> Task<void> {
        auto runs = co_await api.runs_of_commit(sha);
        BOOST_TEST(runs.has_value());
    };
    with_rest(server, "", body);
}

BOOST_AUTO_TEST_CASE(a_private_repository_without_a_token_is_told_as_what_it_may_be) {
    GithubServer::Settings settings;
    settings.tokens = {"good"};
    GithubServer server(settings);
    auto known = repository_with(json::array());
    known["o/r"]["private"] = true;
    server.set(known);
    auto without = [](RestClient&, ActionsApi& api) -> Task<void> {
        auto runs = co_await api.runs_of_commit(sha);
        BOOST_REQUIRE(!runs.has_value());
        BOOST_TEST((runs.error().kind() == FailureKind::not_found));
        BOOST_TEST(runs.error().hint().find("private repository") != std::string::npos);
    };
    with_rest(server, "", without);
    auto with = [](RestClient&, ActionsApi& api) -> Task<void> {
        auto runs = co_await api.runs_of_commit(sha);
        BOOST_TEST(runs.has_value());
    };
    with_rest(server, "good", with);
    auto wrong = [](RestClient&, ActionsApi& api) -> Task<void> {
        auto runs = co_await api.runs_of_commit(sha);
        BOOST_REQUIRE(!runs.has_value());
        BOOST_TEST((runs.error().kind() == FailureKind::auth));
        BOOST_TEST(runs.error().hint().find("GH_TOKEN") != std::string::npos);
        BOOST_TEST(runs.error().one_line().find("bad-secret") == std::string::npos);
    };
    with_rest(server, "bad-secret", wrong);
}

BOOST_AUTO_TEST_CASE(a_link_to_another_host_does_not_get_the_token) {
    GithubServer::Settings settings;
    settings.tokens = {"good"};
    GithubServer server(settings);
    server.set(repository_with(json::array()));
    HttpServer elsewhere([](const HttpRequest&) { return HttpReply(200, R"({"workflow_runs":[]})"); });
    HttpReply page(200, R"({"workflow_runs":[{"id":1,"status":"queued"}]})");
    page.headers.emplace_back("Link", "<" + elsewhere.url() + "/more>; rel=\"next\"");
    server.fail_next(page);
    auto body = [](RestClient&, ActionsApi& api) -> Task<void> {
        auto runs = co_await api.runs_of_commit(sha);
        BOOST_TEST(runs.has_value());
    };
    with_rest(server, "good", body);
    BOOST_REQUIRE(elsewhere.log().size() == 1U);
    BOOST_TEST(elsewhere.log()[0].header("Authorization") == "");
    BOOST_TEST(server.log()[0].header("Authorization") == "Bearer good");
}

BOOST_AUTO_TEST_CASE(a_token_goes_unencrypted_to_this_machine_only) {
    const std::pair<const char*, bool> rows[]{{"https://api.github.com", true},
                                              {"http://127.0.0.1:8080", true},
                                              {"http://localhost", true},
                                              {"http://github.example.org/api/v3", false},
                                              {"http://127.0.0.1.example.org", false},
                                              {"github.example.org", false}};
    for (const auto& [url, is_sent] : rows) {
        auto run = [address = std::string(url), expected = is_sent](async::Executor executor) -> Task<void> {
            auto client = http::make_client(executor, {});
            github::RestSettings settings;
            settings.api_url = address;
            settings.token = github::Token{.secret = Secret("good"), .source = "GH_TOKEN"};
            RestClient rest(*client, std::move(settings));
            BOOST_TEST(rest.has_token() == expected, address);
            co_return;
        };
        run_task<void>(run);
    }
}

BOOST_AUTO_TEST_CASE(a_link_from_https_to_plain_http_does_not_get_the_token) {
    HttpServer plain([](const HttpRequest&) { return HttpReply(200, "[]"); });
    auto run = [&](async::Executor executor) -> Task<void> {
        auto client = http::make_client(executor, {});
        github::RestSettings settings;
        settings.api_url = "https" + plain.url().substr(std::string("http").size());
        settings.token = github::Token{.secret = Secret("good"), .source = "GH_TOKEN"};
        RestClient rest(*client, std::move(settings));
        auto page = co_await rest.get_pages(plain.url() + "/more", "", 1);
        BOOST_TEST(page.has_value());
    };
    run_task<void>(run);
    BOOST_REQUIRE(plain.log().size() == 1U);
    BOOST_TEST(plain.log()[0].header("Authorization") == "");
}

BOOST_AUTO_TEST_CASE(polling_stays_within_what_is_allowed_without_a_token) {
    GithubServer server;
    server.set(repository_with(json::array()));
    auto body = [](RestClient& rest, ActionsApi& api) -> Task<void> {
        auto runs = co_await api.runs_of_commit(sha);
        BOOST_TEST(runs.has_value());
        BOOST_TEST((rest.rate_limit().limit == 60U));
        BOOST_TEST((rest.polling_interval(1) == 120s));
    };
    with_rest(server, "", body);
}

BOOST_AUTO_TEST_CASE(what_is_not_json_is_no_answer) {
    GithubServer server;
    server.fail_next(HttpReply(200, "<html>a login page</html>"));
    auto body = [](RestClient&, ActionsApi& api) -> Task<void> {
        auto runs = co_await api.runs_of_commit(sha);
        BOOST_REQUIRE(!runs.has_value());
        BOOST_TEST((runs.error().kind() == FailureKind::protocol));
    };
    with_rest(server, "", body);
}

BOOST_AUTO_TEST_SUITE_END()
