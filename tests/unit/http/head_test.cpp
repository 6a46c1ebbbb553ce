#include "codec/compression.hpp"
#include "http/content_encoding.hpp"
#include "http/request_head.hpp"
#include "http/status.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::http;

namespace {

const std::string token = "s3cret";

Url url(std::string_view text) { return parse_url(text).value(); }
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Response answer(int status, std::string body = {}, std::vector<Header> headers = {}) {
    Response response;
    response.status = status;
    response.body = std::move(body);
    response.headers = std::move(headers);
    return response;
}
std::string told(int status, std::string body = {}, std::vector<Header> headers = {}) {
    Request request(Method::get, "https://kim:s3cret@cache.example/x?sig=s3cret");
    return status_failure(request, answer(status, std::move(body), std::move(headers))).cause();
}

// What comes out of an answer with these encodings.
std::string decoded(std::vector<Header> headers, std::string_view body, std::uint64_t limit = 1 << 20) {
    auto decoder = make_content_decoder(headers, limit);
    if (!decoder) return "failure: " + decoder.error().cause();
    if (!*decoder) return "as it is";
    std::string text;
    auto take = [&](std::string_view piece) -> Result<void> {
        text += piece;
        return {};
    };
    auto written = (*decoder)->write(body, take);
    if (written) written = (*decoder)->finish(take);
    return written ? text : "failure: " + written.error().cause();
}

std::string compressed(codec::Compression method, std::string_view text) {
    auto compressor = codec::make_compressor({.method = method}).value();
    std::string out;
    BOOST_REQUIRE(compressor->write(text, out).has_value());
    BOOST_REQUIRE(compressor->finish(out).has_value());
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_head)

BOOST_AUTO_TEST_CASE(no_login_in_what_a_server_says_is_shown) {
    const std::string see = "see https://kim:urlpw@x.example/t?token=urltok";
    for (const auto& [type, body] : {std::pair("text/plain", see),
                                     {"text/plain", std::string(160, 'x') + " " + see},
                                     {"text/html", "<title>" + see + "</title>"},
                                     {"application/json", R"({"error":")" + see + R"("})"}}) {
        auto said = told(403, body, {{"Content-Type", type}});
        BOOST_TEST(!has(said, "urlpw"), said);
        BOOST_TEST(!has(said, "urltok"), said);
        BOOST_TEST(has(said, "403 Forbidden: "), said);
    }
}

BOOST_AUTO_TEST_CASE(a_redirect_that_is_left_is_called_one) {
    BOOST_TEST(has(told(302, "", {}), "answered 302 Found, a redirect that cannot be followed"));
    BOOST_TEST(!has(told(304, "", {}), "redirect"));
    BOOST_TEST(!has(told(404, "", {}), "redirect"));
}

BOOST_AUTO_TEST_CASE(no_header_breaks_out_of_its_line_or_takes_what_is_ours) {
    struct Row {
        std::string name, value;
        bool is_good;
    };
    for (const auto& row :
         {Row{"X-Any", "value, with \t tab", true}, Row{"X-Any", "", true}, Row{"X-Any", "a\r\nHost: evil", false},
          Row{"X-Any", std::string("a\0b", 3), false}, Row{"X Any", "a", false}, Row{"", "a", false},
          Row{"X:Any", "a", false}, Row{"content-length", "3", false}, Row{"Connection", "close", false},
          Row{"Transfer-Encoding", "chunked", false}}) {
        Request request(Method::get, "https://x");
        request.headers = {{row.name, row.value}};
        BOOST_TEST(check_headers(request).has_value() == row.is_good, row.name << ": " << row.value);
    }
    Request request(Method::get, "https://x");
    request.bearer = Secret(token + "\n");
    auto refused = check_headers(request);
    BOOST_REQUIRE(!refused.has_value());
    BOOST_TEST(!has(refused.error().one_line(), token));
}

BOOST_AUTO_TEST_CASE(a_request_says_what_is_asked_of_whom) {
    Request request(Method::get, "https://cache.example/a?b=c");
    HeadExtras extras;
    extras.user_agent = "cachefill/1";
    BOOST_TEST(
        compose_head(request, url(request.url), extras) ==
        "GET /a?b=c HTTP/1.1\r\nHost: cache.example\r\nUser-Agent: cachefill/1\r\nAccept-Encoding: zstd, gzip\r\n\r\n");
    extras.absolute_form = true;
    extras.proxy_authorization = "Basic x";
    auto by_proxy = compose_head(request, url(request.url), extras);
    BOOST_TEST(by_proxy.starts_with("GET https://cache.example/a?b=c HTTP/1.1\r\n"));
    BOOST_TEST(has(by_proxy, "\r\nProxy-Authorization: Basic x\r\n"));
}

BOOST_AUTO_TEST_CASE(what_the_caller_says_is_not_said_twice) {
    Request request(Method::get, "https://cache.example/");
    request.headers = {{"host", "other"}, {"USER-AGENT", "me"}, {"accept-encoding", "identity"}};
    HeadExtras extras;
    extras.user_agent = "cachefill/1";
    auto head = compose_head(request, url(request.url), extras);
    BOOST_TEST(!has(head, "cache.example"));
    BOOST_TEST(!has(head, "cachefill/1"));
    BOOST_TEST(!has(head, "zstd"));
    BOOST_TEST(has(head, "\r\nhost: other\r\n"));
}

BOOST_AUTO_TEST_CASE(bytes_that_matter_are_asked_for_as_they_are) {
    Request request(Method::get, "https://x/");
    request.sink = [](std::string_view) { return Result<void>(); };
    BOOST_TEST(!has(compose_head(request, url(request.url), {}), "Accept-Encoding"));
    Request head(Method::head, "https://x/");
    BOOST_TEST(!has(compose_head(head, url(head.url), {}), "Accept-Encoding"));
}

BOOST_AUTO_TEST_CASE(who_sends_says_how_much_even_if_it_is_nothing) {
    for (auto method : {Method::put, Method::post}) {
        Request request(method, "https://x/");
        BOOST_TEST(has(compose_head(request, url(request.url), {}), "\r\nContent-Length: 0\r\n"));
        HeadExtras extras;
        extras.body_size = 12;
        BOOST_TEST(has(compose_head(request, url(request.url), extras), "\r\nContent-Length: 12\r\n"));
    }
    Request request(Method::del, "https://x/");
    BOOST_TEST(!has(compose_head(request, url(request.url), {}), "Content-Length"));
}

BOOST_AUTO_TEST_CASE(another_host_gets_no_login_that_was_meant_for_the_first) {
    Request request(Method::get, "https://x/");
    request.headers = {{"authorization", token}, {"Cookie", token}, {"X-Any", "kept"}};
    HeadExtras extras;
    BOOST_TEST(has(compose_head(request, url(request.url), extras), token));
    extras.drop_authorization = true;
    auto head = compose_head(request, url("https://other/"), extras);
    BOOST_TEST(!has(head, token));
    BOOST_TEST(has(head, "X-Any: kept"));
}

BOOST_AUTO_TEST_CASE(encodings_are_undone_the_last_one_first) {
    const std::string text = "some text, some text, some text";
    auto zstd = compressed(codec::Compression::zstd, text);
    BOOST_TEST(decoded({{"Content-Encoding", "zstd"}}, zstd) == text);
    BOOST_TEST(decoded({{"content-encoding", " X-ZSTD "}}, zstd) == text);
    auto twice = compressed(codec::Compression::xz, zstd);
    BOOST_TEST(decoded({{"Content-Encoding", "zstd, xz"}}, twice) == text);
    BOOST_TEST(decoded({{"Content-Encoding", "zstd"}, {"Content-Encoding", "xz"}}, twice) == text);
    BOOST_TEST(decoded({{"Content-Encoding", "xz, zstd"}}, twice).starts_with("failure: "));
    for (const auto* nothing : {"identity", "none", "", " , identity"})
        BOOST_TEST(decoded({{"Content-Encoding", nothing}}, "x") == "as it is", nothing);
    BOOST_TEST(decoded({{"Content-Type", "zstd"}}, "x") == "as it is");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_undone_is_named_and_nobody_unfolds_without_end) {
    BOOST_TEST(has(decoded({{"Content-Encoding", "compress"}}, "x"), "'compress'"));
    BOOST_TEST(has(decoded({{"Content-Encoding", "zstd, zstd, zstd, zstd, zstd, zstd"}}, "x"), "more than 5"));
    auto large = compressed(codec::Compression::zstd, std::string(100'000, 'x'));
    BOOST_TEST(decoded({{"Content-Encoding", "zstd"}}, large, 99'999).starts_with("failure: "));
    BOOST_TEST(decoded({{"Content-Encoding", "zstd"}}, large, 100'000).size() == 100'000U);
}

BOOST_AUTO_TEST_CASE(a_status_has_its_name_where_it_has_one) {
    BOOST_TEST(status_name(404) == "404 Not Found");
    BOOST_TEST(status_name(799) == "799");
}

BOOST_AUTO_TEST_CASE(what_a_status_means_decides_what_is_done_about_it) {
    struct Row {
        std::vector<int> statuses;
        FailureKind kind;
    };
    Request request(Method::get, "https://x/");
    for (const auto& row : {Row{{401, 403, 407}, FailureKind::auth}, Row{{404, 410}, FailureKind::not_found},
                            Row{{408, 425, 429, 500, 502, 503, 504, 520}, FailureKind::network},
                            Row{{400, 405, 413, 418, 501, 505, 511, 304}, FailureKind::protocol}})
        for (auto status : row.statuses) {
            auto failure = status_failure(request, answer(status));
            BOOST_TEST((failure.kind() == row.kind), status);
            BOOST_TEST(failure.http_status() == status);
        }
}

BOOST_AUTO_TEST_CASE(the_words_of_a_server_are_told_shortly_and_harmlessly) {
    BOOST_TEST(told(503) == "GET https://cache.example/x?sig=… answered 503 Service Unavailable");
    BOOST_TEST(told(500, "out of \x1b[31mdisk\nsecond line").ends_with(": out of disk"));
    BOOST_TEST(told(400, "{\"error\":\n \"bad name\"}").ends_with(": {\"error\": \"bad name\"}"));
    BOOST_TEST(told(502, "<html><head><TITLE>502 Bad\nGateway</TITLE></head><body>much</body>")
                   .ends_with(": 502 Bad Gateway"));
    BOOST_TEST(told(403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
                   .ends_with(": Access Denied"));
    BOOST_TEST(told(403, "<Error><Code>AccessDenied</Code></Error>").ends_with(": AccessDenied"));
    BOOST_TEST(told(500, "page", {{"Content-Type", "text/html"}}).ends_with("500 Internal Server Error"));
    BOOST_TEST(told(500, std::string("\0binary", 7)).ends_with("500 Internal Server Error"));
    BOOST_TEST(told(500, std::string(5000, 'x')).size() < 400U);
    BOOST_TEST(!has(told(500, "x"), "s3cret"));
}

BOOST_AUTO_TEST_SUITE_END()
