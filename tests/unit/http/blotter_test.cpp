// What was sent as a login comes back in no failure.
#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "harness.hpp"
#include "http/blotter.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using http::Blotter;
using http::ClientSettings;
using http::Method;
using http::Request;

namespace {

const std::string token = "bearer/secret+0123456789";
const std::string password = "s3cr?t word";

bool has_part(std::string_view text, std::string_view secret) {
    for (std::size_t at = 0; at + 8 <= secret.size(); ++at)
        if (to_lower(text).find(to_lower(secret.substr(at, 8))) != std::string::npos) return true;
    return false;
}

std::string everything(const Result<http::Response>& response, const Request& request) {
    if (!response) return render(response.error());
    std::string text = render(http::status_failure(request, *response)) + response->body + response->effective_url;
    for (const auto& header : response->headers) text += "\n" + header.value;
    return text;
}

// As many servers write it.
std::string in_json(std::string_view text) {
    std::string escaped;
    for (char c : text) escaped += c == '/' ? std::string("\\/") : std::string(1, c);
    return escaped;
}

// Repeats the login it gets, as real servers and proxies do, in one way for each path.
HttpReply echo(const HttpRequest& request) {
    auto field = request.header("Authorization");
    auto login = field.substr(field.find(' ') + 1);
    HttpReply reply(401, "invalid token: " + field);
    if (request.target == "/json") reply.body = R"({"error":")" + in_json(login) + "\"}";
    if (request.target == "/header") reply.headers.emplace_back("WWW-Authenticate", "Basic realm=\"" + login + "\"");
    if (request.target == "/decoded") reply.body = "no: " + codec::from_base64(login).value_or("none") + "!";
    if (request.target == "/base64") reply.body = "no: " + codec::to_base64(login);
    if (request.target == "/upper") reply.body = "NO: " + login;
    if (request.target == "/away") {
        reply.status = 302;
        reply.headers.emplace_back("Location", "ftp://elsewhere.invalid/" + percent_encode(login));
    }
    if (request.target == "/here") {
        reply.status = 302;
        reply.headers.emplace_back("Location", "/" + percent_encode(login));
    }
    return reply;
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_blotter)

BOOST_AUTO_TEST_CASE(a_login_is_found_in_every_form_in_which_it_is_repeated) {
    Blotter blotter;
    BOOST_TEST(blotter.clean("nothing is known yet") == "nothing is known yet");
    blotter.learn("Bearer " + token);
    blotter.learn("Basic " + codec::to_base64("kim:" + password));
    BOOST_TEST(blotter.clean("bad token " + token + ", kim") == "bad token ***, kim");
    for (const auto& secret : {token, password, codec::to_base64("kim:" + password), codec::to_base64(token)}) {
        BOOST_TEST(blotter.clean("<" + percent_encode(secret) + "|" + to_lower(secret) + ">").find("***|***") == 1U,
                   secret);
        BOOST_TEST(blotter.clean_cut("it was " + secret.substr(0, 8)) == "it was ***", secret);
    }
    BOOST_TEST(blotter.clean(R"({"t":"bearer\/secret+0123456789"})") == R"({"t":"***"})");
    Failure failure(FailureKind::auth, "no " + token);
    failure = std::move(failure).with_context("asking " + token).with_hint("drop " + token).with_http_status(403);
    auto cleaned = blotter.clean(failure);
    BOOST_TEST(render(cleaned).find("secret") == std::string::npos, render(cleaned));
    BOOST_TEST(cleaned.http_status() == 403);
    BOOST_TEST(cleaned.hint() == "drop ***");
}

BOOST_AUTO_TEST_CASE(an_address_that_is_a_login_is_known_whole_and_in_parts) {
    Blotter blotter;
    blotter.learn_address("https://bucket.example/tok-s3cr3tpath/"
                          "nar?X-Amz-Credential=AKIAs3cr3t%2F20261130%2Fx&sig=s3cr3tsig%2Bx;b=s3cr3tb#s3cr3tend");
    for (const auto* secret : {"tok-s3cr3tpath", "s3cr3tpath", "AKIAs3cr3t%2F20261130%2Fx", "AKIAs3cr3t/20261130/x",
                               "AKIAs3cr3t", "s3cr3tsig%2Bx", "s3cr3tsig+x", "s3cr3tsig", "s3cr3tb", "s3cr3tend"})
        if (std::string_view(secret).size() >= 8)
            BOOST_TEST(blotter.clean("<" + std::string(secret) + ">") == "<***>", secret);
    BOOST_TEST(blotter.clean("SignatureDoesNotMatch of X-Amz-Credential at bucket.example/nar") ==
               "SignatureDoesNotMatch of X-Amz-Credential at bucket.example/nar");
}

BOOST_AUTO_TEST_CASE(an_address_that_a_server_handed_out_is_shown_by_its_host_and_repeated_by_nothing) {
    HttpServer server([](const HttpRequest& request) {
        return HttpReply(request.target.find("500") != std::string::npos ? 500 : 403,
                         "no " + request.target + ", sig s3cr3tsig");
    });
    for (const std::string target :
         {"/s3cr3tpath/403?X-Amz-Signature=s3cr3tsig", "/tok-s3cr3tsig/500", "/500?s3cr3tsig"}) {
        Request put(Method::put, server.url() + target);
        put.body = std::make_shared<const std::string>("x");
        put.is_address_secret = true;
        auto response = send_one(put);
        BOOST_TEST_REQUIRE(response.has_value());
        auto failure = render(http::status_failure(put, *response));
        BOOST_TEST(everything(response, put).find("s3cr3t") == std::string::npos, everything(response, put));
        BOOST_TEST(failure.find("PUT " + server.url() + "/… answered") != std::string::npos, failure);
        put.url.replace(0, server.url().size(), "http://127.0.0.1:1");
        auto unreachable = send_one(put);
        BOOST_TEST_REQUIRE(!unreachable.has_value());
        BOOST_TEST(render(unreachable.error()).find("s3cr3t") == std::string::npos, render(unreachable.error()));
    }
}

BOOST_AUTO_TEST_CASE(the_signature_of_an_address_that_a_server_leads_to_is_repeated_by_nothing) {
    std::string url;
    HttpServer server([&](const HttpRequest& request) {
        HttpReply reply(request.target == "/nar" ? 302 : 403, "no " + request.target);
        if (request.target == "/nar") reply.headers.emplace_back("Location", url + "/nar?X-Amz-Signature=s3cr3tsig");
        return reply;
    });
    url = server.url();
    auto request = get(server, "/nar");
    auto response = send_one(request);
    BOOST_TEST_REQUIRE(response.has_value());
    BOOST_TEST(response->status == 403);
    BOOST_TEST(everything(response, request).find("s3cr3t") == std::string::npos, everything(response, request));
}

BOOST_AUTO_TEST_CASE(what_is_too_short_to_be_secret_blots_nothing_out) {
    Blotter blotter;
    blotter.learn("");
    blotter.learn("Bearer abc");
    blotter.learn("Basic " + codec::to_base64("nix:pw"));
    BOOST_TEST(blotter.clean("abc of nix, and pw") == "abc of nix, and pw");
    blotter.learn("Basic " + codec::to_base64("a-token-as-a-user-name:"));
    BOOST_TEST(blotter.clean("for a-token-as-a-user-name") == "for ***");
}

BOOST_AUTO_TEST_CASE(no_failure_and_no_answer_but_data_repeats_a_login) {
    HttpServer server(echo);
    auto directory = temporary_directory();
    ClientSettings settings;
    settings.netrc = {directory.path() / "netrc"};
    BOOST_REQUIRE(
        write_file_atomically(settings.netrc[0], "machine 127.0.0.1 login kim password \"" + password + "\"\n"));
    for (const std::string target : {"/body", "/json", "/header", "/decoded", "/base64", "/upper", "/away", "/here"}) {
        auto bearer = get(server, target);
        bearer.bearer = Secret(token);
        auto by_url = bearer;
        by_url.bearer.reset();
        by_url.url.insert(7, "kim:s3cr%3Ft%20word@");
        auto cut = bearer;
        cut.enough = 28;
        for (const auto& request : {bearer, by_url, get(server, target), cut}) {
            auto text = everything(send_one(request, settings), request);
            for (const auto& secret : {token, codec::to_base64(token), password, codec::to_base64("kim:" + password)})
                BOOST_TEST(!has_part(text, secret), text);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_a_proxy_repeats_of_its_own_login_is_blotted_out) {
    HttpServer proxy([](const HttpRequest& request) { return HttpReply(407, request.header("Proxy-Authorization")); });
    ClientSettings settings;
    auto address = "http://kim:proxysecret123@127.0.0.1:" + std::to_string(proxy.port());
    settings.environment = Environment(std::map<std::string, std::string>{{"all_proxy", address}});
    for (const auto* url : {"http://cache.example/x", "https://cache.example/x"}) {
        Request request(Method::get, url);
        auto text = everything(send_one(request, settings), request);
        BOOST_TEST(!has_part(text, codec::to_base64("kim:proxysecret123")), text);
    }
}

BOOST_AUTO_TEST_CASE(data_is_left_as_it_is_and_can_be_blotted_by_who_quotes_it) {
    HttpServer server(
        [](const HttpRequest& request) { return HttpReply(200, "got " + request.header("Authorization")); });
    auto request = get(server);
    request.bearer = Secret(token);
    auto response = send_one(request);
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->body == "got Bearer " + token);
    BOOST_TEST(response->blotted(response->body) == "got Bearer ***");
}

BOOST_AUTO_TEST_SUITE_END()
