#include "cache/put_answer.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::cache;

namespace {

http::Response answer(int status, std::string body = {}) {
    http::Response response;
    response.status = status;
    response.body = std::move(body);
    return response;
}

} // namespace

BOOST_AUTO_TEST_SUITE(put_answer)

BOOST_AUTO_TEST_CASE(each_answer_is_known_for_what_it_is) {
    struct Case {
        int status;
        std::string body;
        PutAnswer meaning;
    };
    const std::vector<Case> cases{
        {200, "", PutAnswer::done},
        {201, "", PutAnswer::done},
        {204, "", PutAnswer::done},
        {202, "", PutAnswer::unsure},
        {203, "", PutAnswer::unsure},
        {205, "", PutAnswer::unsure},
        {207, "", PutAnswer::unsure},
        {409, "exists", PutAnswer::exists},
        {412, "", PutAnswer::exists},
        {413, "", PutAnswer::too_large},
        {507, "", PutAnswer::no_space},
        {401, "", PutAnswer::not_allowed},
        {403, "SignatureDoesNotMatch", PutAnswer::not_allowed},
        {405, "", PutAnswer::no_uploads},
        {404, "", PutAnswer::no_uploads},
        {501, "", PutAnswer::no_uploads},
        {500, "rejecting untrusted narinfo: narinfo has no trusted signature", PutAnswer::bad_signature},
        {400, "invalid signature", PutAnswer::bad_signature},
        {500, "disk on fire", PutAnswer::away},
        {503, "no signature service", PutAnswer::away},
        {502, "", PutAnswer::away},
        {429, "", PutAnswer::away},
        {408, "", PutAnswer::away},
        {303, "", PutAnswer::refused},
        {400, "bad", PutAnswer::refused},
        {415, "", PutAnswer::refused},
        {505, "", PutAnswer::refused},
    };
    for (const auto& each : cases)
        BOOST_TEST((classify_put(answer(each.status, each.body), false) == each.meaning), each.status << each.body);
    auto page = answer(200, "<html>Please log in</html>");
    page.headers.push_back({"Content-Type", "text/html; charset=utf-8"});
    BOOST_TEST((classify_put(page, false) == PutAnswer::unsure));
    page.status = 201; // Apache's "201 Created"
    BOOST_TEST((classify_put(page, false) == PutAnswer::done));
    BOOST_TEST((classify_put(answer(501), true) == PutAnswer::unknown_condition));
    BOOST_TEST((classify_put(answer(400), true) == PutAnswer::unknown_condition));
    BOOST_TEST((classify_put(answer(405), true) == PutAnswer::no_uploads));
}

BOOST_AUTO_TEST_CASE(only_an_outage_may_heal_and_the_servers_own_words_are_told) {
    http::Request request(http::Method::put, "https://cache.example/nar/x");
    for (int status : {303, 400, 401, 403, 405, 409, 413, 415, 500, 501, 503, 507}) {
        auto response = answer(status, status == 500 ? "no trusted signature" : "the server's\x1b[31m words");
        auto failure = put_failure(request, response, classify_put(response, false), "https://cache.example");
        BOOST_TEST(failure.can_heal() == (status == 503), status << failure.one_line());
        BOOST_TEST(is_last_word(failure) == (status != 503), status);
        BOOST_TEST(failure.http_status() == status);
        BOOST_TEST(failure.cause().find(status == 500 ? "trusted signature" : "the server's words") !=
                       std::string::npos,
                   failure.cause());
        BOOST_TEST(failure.cause().find('\x1b') == std::string::npos);
    }
}

BOOST_AUTO_TEST_SUITE_END()
