#include "harness.hpp"
#include "http/certificates.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using http::Client;
using http::ClientSettings;
using http::Method;
using http::Request;

namespace {

HttpServerSettings with(const TestCertificate& tls) {
    HttpServerSettings settings;
    settings.tls = tls;
    return settings;
}

HttpReply hello(const HttpRequest&) { return HttpReply(200, "hello"); }

} // namespace

BOOST_AUTO_TEST_SUITE(http_tls)

BOOST_AUTO_TEST_CASE(requests_over_tls_are_verified_and_share_a_connection) {
    auto tls = make_test_certificate("DNS:localhost");
    HttpServer server(hello, with(tls));
    auto directory = temporary_directory();
    auto body = [&](Client& client) -> async::Task<void> {
        for (int i = 0; i < 5; ++i) {
            auto response = co_await client.send(get(server));
            BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
            BOOST_TEST(response->body == "hello");
        }
        auto upload = co_await client.send(put(server, std::string(1 << 20, 'x')));
        BOOST_TEST(upload.has_value(), text_of(upload));
    };
    with_client(trusting(tls, directory), body);
    BOOST_TEST(server.connections() == 1);
    BOOST_TEST(server.log().back().body_size == 1 << 20);
}

BOOST_AUTO_TEST_CASE(an_idle_connection_that_the_server_closed_is_noticed_also_over_tls) {
    auto tls = make_test_certificate("DNS:localhost");
    HttpServer server(hello, with(tls));
    auto directory = temporary_directory();
    auto body = [&](Client& client) -> async::Task<void> {
        auto first = co_await client.send(get(server));
        BOOST_TEST_REQUIRE(first.has_value(), text_of(first));
        server.close_idle_connections();
        Request post(Method::post, server.url());
        auto second = co_await client.send(post);
        BOOST_TEST(second.has_value(), text_of(second));
    };
    with_client(trusting(tls, directory), body);
    BOOST_TEST(server.connections() == 2);
}

BOOST_AUTO_TEST_CASE(an_ip_address_is_verified_as_one) {
    auto tls = make_test_certificate("IP:127.0.0.1");
    HttpServer server(hello, with(tls));
    auto directory = temporary_directory();
    Request request(Method::get, "https://127.0.0.1:" + std::to_string(server.port()));
    auto response = send_one(request, trusting(tls, directory));
    BOOST_TEST(response.has_value(), text_of(response));
}

BOOST_AUTO_TEST_CASE(a_file_of_certificates_among_the_settings_counts_for_more_than_the_environment) {
    auto tls = make_test_certificate("DNS:localhost");
    HttpServer server(hello, with(tls));
    auto directory = temporary_directory();
    auto settings = trusting(tls, directory);
    settings.certificates = settings.environment.get_or("NIX_SSL_CERT_FILE");
    settings.environment.set("NIX_SSL_CERT_FILE", "/no-cert-file.crt");
    auto response = send_one(get(server), settings);
    BOOST_TEST(response.has_value(), text_of(response));
    settings.certificates = directory.path() / "missing.pem";
    auto refused = send_one(get(server), settings);
    BOOST_TEST_REQUIRE(!refused.has_value());
    BOOST_TEST((refused.error().kind() == FailureKind::machine));
    BOOST_TEST(contains(refused.error().one_line(), "missing.pem"), refused.error().one_line());
}

BOOST_AUTO_TEST_CASE(a_certificate_for_another_host_is_refused) {
    auto tls = make_test_certificate("DNS:cache.example,IP:127.0.0.2");
    HttpServer server(hello, with(tls));
    auto directory = temporary_directory();
    for (const auto* host : {"localhost", "127.0.0.1"}) {
        Request request(Method::get, std::string("https://") + host + ":" + std::to_string(server.port()));
        auto response = send_one(request, trusting(tls, directory));
        BOOST_TEST_REQUIRE(!response.has_value());
        BOOST_TEST((response.error().kind() == FailureKind::protocol));
        auto line = response.error().one_line();
        BOOST_TEST(contains(line, std::string("is not for ") + host), line);
    }
    BOOST_TEST(server.log().empty());
}

BOOST_AUTO_TEST_CASE(a_certificate_of_an_unknown_authority_is_refused_with_a_hint) {
    HttpServer server(hello, with(make_test_certificate("DNS:localhost")));
    auto directory = temporary_directory();
    auto response = send_one(get(server), trusting(make_test_certificate("DNS:localhost"), directory));
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST((response.error().kind() == FailureKind::protocol)); // trying again would not help
    BOOST_TEST(contains(response.error().one_line(), "is not trusted"), response.error().one_line());
    BOOST_TEST(contains(response.error().hint(), "NIX_SSL_CERT_FILE"));
    BOOST_TEST(server.log().empty());
}

BOOST_AUTO_TEST_CASE(a_plain_server_behind_an_https_url_is_a_network_failure) {
    HttpServer server(hello);
    auto directory = temporary_directory();
    Request request(Method::get, "https://localhost:" + std::to_string(server.port()));
    auto response = send_one(request, trusting(make_test_certificate("DNS:localhost"), directory));
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST((response.error().kind() == FailureKind::network));
    BOOST_TEST(contains(response.error().one_line(), "TLS handshake"), response.error().one_line());
}

BOOST_AUTO_TEST_CASE(over_tls_a_body_that_ends_with_the_connection_needs_its_farewell) {
    auto tls = make_test_certificate("DNS:localhost");
    HttpServer server(
        [](const HttpRequest& request) {
            HttpReply reply(200, "all of it");
            reply.until_close = true;
            if (request.target == "/cut") reply.raw = "HTTP/1.1 200 OK\r\n\r\nall of";
            return reply;
        },
        with(tls));
    auto directory = temporary_directory();
    auto whole = send_one(get(server), trusting(tls, directory));
    BOOST_TEST_REQUIRE(whole.has_value(), text_of(whole));
    BOOST_TEST(whole->body == "all of it");
    auto cut = send_one(get(server, "/cut"), trusting(tls, directory));
    BOOST_TEST_REQUIRE(!cut.has_value());
    BOOST_TEST((cut.error().kind() == FailureKind::network), cut.error().one_line());
}

BOOST_AUTO_TEST_CASE(a_broken_or_absent_bundle_fails_only_https_and_is_named) {
    HttpServer plain(hello);
    auto directory = temporary_directory();
    auto broken = directory.path() / "broken.pem";
    BOOST_TEST(write_file_atomically(broken, "no certificate").has_value());
    for (const auto& path : {broken.string(), std::string("/no-cert-file.crt")}) {
        ClientSettings settings;
        settings.environment.set("SSL_CERT_FILE", path);
        BOOST_TEST(send_one(get(plain), settings).has_value());
        auto response = send_one(Request(Method::get, "https://localhost:1"), settings);
        BOOST_TEST_REQUIRE(!response.has_value());
        BOOST_TEST((response.error().kind() == FailureKind::machine));
        BOOST_TEST(contains(response.error().one_line(), path), response.error().one_line());
    }
}

BOOST_AUTO_TEST_CASE(certificates_are_sought_in_order_and_everything_tried_is_named) {
    auto directory = temporary_directory();
    std::array<std::filesystem::path, 2> places{directory.path() / "debian.crt", directory.path() / "macos.pem"};
    Environment environment;
    auto none = http::find_certificate_file(environment, places);
    BOOST_TEST_REQUIRE(!none.has_value());
    BOOST_TEST((none.error().kind() == FailureKind::machine));
    for (const auto& place : places) BOOST_TEST(contains(none.error().cause(), place.string()));
    BOOST_TEST(contains(none.error().cause(), "NIX_SSL_CERT_FILE"));

    BOOST_TEST(write_file_atomically(places[1], "x").has_value());
    BOOST_TEST((http::find_certificate_file(environment, places).value_or("") == places[1]));
    BOOST_TEST(write_file_atomically(places[0], "x").has_value());
    BOOST_TEST((http::find_certificate_file(environment, places).value_or("") == places[0]));
    environment.set("SSL_CERT_FILE", places[1].string());
    BOOST_TEST((http::find_certificate_file(environment, places).value_or("") == places[1]));
    environment.set("NIX_SSL_CERT_FILE", places[0].string());
    BOOST_TEST((http::find_certificate_file(environment, places).value_or("") == places[0]));
    environment.set("NIX_SSL_CERT_FILE", directory.path().string()); // a directory is no bundle
    BOOST_TEST(!http::find_certificate_file(environment, places).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
