#include "harness.hpp"
#include "http/proxy.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using http::Client;
using http::ClientSettings;
using http::Method;
using http::Request;

namespace {

// "host:port" of the proxy for `url`, "" for none, or the failure.
std::string proxy_for(const std::string& url, std::map<std::string, std::string> variables) {
    http::ProxyRules rules{Environment(std::move(variables))};
    auto parsed = http::parse_url(url);
    BOOST_TEST_REQUIRE(parsed.has_value(), url);
    auto proxy = rules.find(*parsed);
    if (!proxy) return proxy.error().one_line();
    return *proxy ? (*proxy)->host_and_port() : "";
}

std::string through(const HttpServer& proxy, const std::string& login = {}) {
    return "http://" + login + "127.0.0.1:" + std::to_string(proxy.port());
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_proxy)

BOOST_AUTO_TEST_CASE(the_variable_of_the_scheme_comes_before_all_proxy_and_lower_case_before_upper) {
    std::string plain = "http://cache.example/", tls = "https://cache.example/";
    BOOST_TEST(proxy_for(plain, {}) == "");
    BOOST_TEST(proxy_for(plain, {{"http_proxy", "http://p:3128"}}) == "p:3128");
    BOOST_TEST(proxy_for(tls, {{"http_proxy", "http://p:3128"}}) == "");
    BOOST_TEST(proxy_for(tls, {{"HTTPS_PROXY", "http://p:3128/"}, {"all_proxy", "http://q:1"}}) == "p:3128");
    BOOST_TEST(proxy_for(tls, {{"https_proxy", "a:1"}, {"HTTPS_PROXY", "b:2"}}) == "a:1");
    BOOST_TEST(proxy_for(tls, {{"ALL_PROXY", "[::1]:8080"}}) == "[::1]:8080");
    BOOST_TEST(proxy_for(plain, {{"HTTP_PROXY", "http://p:3128"}}) == ""); // as with curl, and so with Nix
    BOOST_TEST(proxy_for(tls, {{"https_proxy", ""}, {"all_proxy", "q:1"}}) == "q:1");
}

BOOST_AUTO_TEST_CASE(a_proxy_without_a_port_has_1080) {
    BOOST_TEST(proxy_for("http://a/", {{"http_proxy", "p"}}) == "p:1080");
    BOOST_TEST(proxy_for("http://a/", {{"http_proxy", "http://u:p@p:80"}}) == "p:80");
    BOOST_TEST(proxy_for("http://a/", {{"http_proxy", "http://[::1]/"}}) == "[::1]:1080");
}

BOOST_AUTO_TEST_CASE(no_proxy_exempts_hosts_domains_networks_and_ports) {
    auto exempt = [](const std::string& rule, const std::string& url) {
        return proxy_for(url, {{"all_proxy", "p:1"}, {"no_proxy", rule}}).empty();
    };
    BOOST_TEST(exempt("*", "https://a/"));
    BOOST_TEST(exempt("other, Cache.Example", "https://cache.example/"));
    BOOST_TEST(exempt("example", "https://cache.example/"));
    BOOST_TEST(exempt(".example", "https://cache.example/"));
    BOOST_TEST(exempt("*.example", "https://cache.example/"));
    BOOST_TEST(!exempt("ample", "https://cache.example/"));
    BOOST_TEST(!exempt("cache.example", "https://example/"));
    BOOST_TEST(exempt("cache.example:8080", "https://cache.example:8080/"));
    BOOST_TEST(!exempt("cache.example:8080", "https://cache.example/"));
    BOOST_TEST(exempt("127.0.0.1", "http://127.0.0.1:99/"));
    BOOST_TEST(exempt("10.0.0.0/8", "http://10.1.2.3/"));
    BOOST_TEST(!exempt("10.0.0.0/8", "http://11.1.2.3/"));
    BOOST_TEST(exempt("::1", "http://[::1]/"));
    BOOST_TEST(exempt("[::1]:80", "http://[::1]/"));
    BOOST_TEST(exempt("fd00::/8", "http://[fd12::1]/"));
    BOOST_TEST(!exempt("", "https://a/"));
    for (const auto* here : {"http://127.0.0.1:5000/", "http://localhost/", "http://me.localhost:81/", "http://[::1]/"})
        BOOST_TEST(exempt("other", here), here); // what is unencrypted for this machine goes to no other
    BOOST_TEST(!exempt("other", "https://localhost/"));
    BOOST_TEST(proxy_for("http://localhost/", {{"http_proxy", "http://127.0.0.1:3128"}}) == "127.0.0.1:3128");
    BOOST_TEST(!exempt("other", "http://localhost.example/"));
}

BOOST_AUTO_TEST_CASE(a_proxy_of_another_kind_is_a_usage_failure_that_names_its_variable) {
    for (const auto* proxy : {"quic://me:secret@p:1080", "https://me:secret@p:443"}) {
        auto text = proxy_for("https://a/", {{"https_proxy", proxy}});
        BOOST_TEST(contains(text, "https_proxy"), text);
        BOOST_TEST(!contains(text, "secret"), text);
    }
}

BOOST_AUTO_TEST_CASE(plain_requests_go_to_the_proxy_in_absolute_form) {
    HttpServer proxy([](const HttpRequest& request) { return HttpReply(200, request.target); });
    ClientSettings settings;
    settings.environment.set("http_proxy", through(proxy, "user:pass@"));
    auto body = [&](Client& client) -> async::Task<void> {
        for (const auto* url : {"http://cache.example/x?y", "http://cache.example:8080/"}) {
            Request request(Method::get, url);
            auto response = co_await client.send(request);
            BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
            BOOST_TEST(response->body == url);
        }
    };
    with_client(settings, body);
    auto seen = proxy.log().at(0);
    BOOST_TEST(seen.header("Host") == "cache.example");
    BOOST_TEST(seen.header("Proxy-Authorization") == "Basic dXNlcjpwYXNz");
    BOOST_TEST(seen.header("Authorization") == "");
}

BOOST_AUTO_TEST_CASE(https_goes_through_a_tunnel_and_is_verified_to_the_far_end) {
    auto tls = make_test_certificate("DNS:cache.example");
    HttpServerSettings server_settings;
    server_settings.tls = tls;
    HttpServer server([](const HttpRequest&) { return HttpReply(200, "far end"); }, server_settings);
    HttpServerSettings proxy_settings;
    proxy_settings.tunnel_to = server.port();
    HttpServer proxy([](const HttpRequest&) { return HttpReply(200); }, proxy_settings);
    auto directory = temporary_directory();
    auto settings = trusting(tls, directory);
    settings.environment.set("https_proxy", through(proxy, "user:pass@"));
    auto body = [&](Client& client) -> async::Task<void> {
        for (int i = 0; i < 3; ++i) {
            Request request(Method::get, "https://cache.example/x");
            request.bearer = Secret("abc");
            auto response = co_await client.send(request);
            BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
            BOOST_TEST(response->body == "far end");
        }
        Request other(Method::get, "https://other.example/");
        auto response = co_await client.send(other);
        BOOST_TEST_REQUIRE(!response.has_value());
        BOOST_TEST(contains(response.error().one_line(), "is not for other.example"), response.error().one_line());
    };
    with_client(settings, body);
    auto seen = proxy.log();
    BOOST_TEST_REQUIRE(seen.size() == 2);
    BOOST_TEST(seen[0].method == "CONNECT");
    BOOST_TEST(seen[0].target == "cache.example:443");
    BOOST_TEST(seen[0].header("Proxy-Authorization") == "Basic dXNlcjpwYXNz");
    BOOST_TEST(seen[0].header("Authorization") == "");
    BOOST_TEST(server.log().at(0).target == "/x");
    BOOST_TEST(server.log().at(0).header("Authorization") == "Bearer abc");
    BOOST_TEST(server.log().at(0).header("Proxy-Authorization") == "");
}

BOOST_AUTO_TEST_CASE(a_proxy_that_refuses_is_named_and_a_missing_login_is_auth) {
    HttpServer proxy([](const HttpRequest& request) {
        return HttpReply(request.target.starts_with("login") ? 407 : request.target.starts_with("gone") ? 502 : 403);
    });
    auto directory = temporary_directory();
    auto settings = trusting(make_test_certificate("DNS:x"), directory);
    settings.environment.set("https_proxy", through(proxy));
    auto kind_for = [&](const std::string& host) {
        auto response = send_one(Request(Method::get, "https://" + host + "/"), settings);
        BOOST_TEST_REQUIRE(!response.has_value());
        auto line = response.error().one_line();
        BOOST_TEST(contains(line, "the proxy 127.0.0.1:" + std::to_string(proxy.port()) + " refused"), line);
        return to_string(response.error().kind());
    };
    BOOST_TEST(kind_for("login.example") == "auth");
    BOOST_TEST(kind_for("gone.example") == "network");
    BOOST_TEST(kind_for("forbidden.example") == "protocol");
}

BOOST_AUTO_TEST_CASE(a_proxy_that_does_not_answer_ends_at_the_connect_deadline) {
    HttpServer proxy([](const HttpRequest&) {
        HttpReply reply;
        reply.faults.never_answer = true;
        return HttpReply(reply);
    });
    auto directory = temporary_directory();
    auto settings = trusting(make_test_certificate("DNS:x"), directory);
    settings.environment.set("https_proxy", through(proxy));
    Request request(Method::get, "https://cache.example/");
    request.deadlines.connect = 80ms;
    auto response = send_one(request, settings);
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST((response.error().kind() == FailureKind::timeout), response.error().one_line());
}

BOOST_AUTO_TEST_SUITE_END()
