#include "cache/s3_reply.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::cache;

namespace {

S3Party party() {
    S3Party party;
    party.name = "s3://nix";
    party.bucket = "nix";
    party.server = "https://minio.lan";
    party.region = "us-east-1";
    party.key_source = "AWS_ACCESS_KEY_ID";
    return party;
}

http::Response reply(int status, const std::string& code, const std::string& more = {}) {
    http::Response response;
    response.status = status;
    if (!code.empty())
        response.body = "<?xml version=\"1.0\"?>\n<Error><Code>" + code + "</Code><Message>as &lt;they&gt; say\x1b[1m" +
                        "</Message>" + more + "</Error>";
    return response;
}

} // namespace

BOOST_AUTO_TEST_SUITE(s3_reply)

BOOST_AUTO_TEST_CASE(a_code_is_a_word) {
    BOOST_TEST(parse_s3_error(reply(403, "SignatureDoesNotMatch")).code == "SignatureDoesNotMatch");
    BOOST_TEST(parse_s3_error(reply(400, "Client.Malformed2")).code == "Client.Malformed2");
    for (const std::string& text : {std::string("Bad https://host/x?sig=1"), std::string("a b"), std::string(65, 'a')})
        BOOST_TEST(parse_s3_error(reply(403, text)).code.empty(), text);
}

BOOST_AUTO_TEST_CASE(elements_are_found_by_name) {
    const std::string xml = "<A xmlns=\"x\"><Key>1</Key><KeyCount>9</KeyCount><Key>&quot;2&amp;lt;&quot;</Key><Key>";
    BOOST_TEST(find_elements(xml, "Key").size() == 2U);
    BOOST_TEST(find_element(xml, "Key") == "1");
    BOOST_TEST(find_element(xml.substr(xml.find("</KeyCount>")), "Key") == "\"2&lt;\"");
    BOOST_TEST(find_element(xml, "Nothing") == "");
    BOOST_TEST(find_element("<Key", "Key") == "");
    BOOST_TEST(find_element("<Key>a", "Key") == "");
}

BOOST_AUTO_TEST_CASE(each_error_names_the_thing_and_what_to_do) {
    struct Row {
        int status;
        std::string code;
        FailureKind kind;
        std::string says;
        std::string hint;
    };
    const std::vector<Row> rows{
        {404, "NoSuchBucket", FailureKind::not_found, "no bucket 'nix' at https://minio.lan", "s3://nix?endpoint"},
        {403, "InvalidAccessKeyId", FailureKind::auth, "does not know the key in AWS_ACCESS_KEY_ID", "profile"},
        {403, "SignatureDoesNotMatch", FailureKind::auth, "secret key does not belong", "AWS_SECRET_ACCESS_KEY"},
        {400, "ExpiredToken", FailureKind::auth, "session of the key in AWS_ACCESS_KEY_ID has ended", "log in anew"},
        {403, "RequestTimeTooSkewed", FailureKind::auth, "clock is wrong", "set the clock"},
        {400, "AuthorizationHeaderMalformed", FailureKind::usage, "region 'us-east-1'", "?region=eu-west-1"},
        {301, "PermanentRedirect", FailureKind::usage, "not in the region 'us-east-1'", "?region=eu-west-1"},
        {503, "SlowDown", FailureKind::network, "too much at once", ""},
        {400, "RequestTimeout", FailureKind::network, "waited in vain", ""},
        {409, "ConditionalRequestConflict", FailureKind::network, "somebody else", ""},
        {400, "XAmzContentSHA256Mismatch", FailureKind::network, "is not what we sent", ""},
        {404, "XAdminUserNotFound", FailureKind::auth, "refuses", "of one server"},
        {403, "AccessDenied", FailureKind::auth, "may not write to s3://nix", "s3:PutObject"},
    };
    http::Request put(http::Method::put, "https://minio.lan/nix/x.narinfo");
    for (const auto& row : rows) {
        auto failure = explain_s3_error(put, reply(row.status, row.code, "<Region>eu-west-1</Region>"), party());
        BOOST_REQUIRE_MESSAGE(failure, row.code);
        BOOST_TEST((failure->kind() == row.kind), row.code);
        BOOST_TEST(failure->cause().find(row.says) != std::string::npos, failure->cause());
        BOOST_TEST(failure->cause().find("as <they> say)") != std::string::npos, failure->cause());
        BOOST_TEST(failure->hint().find(row.hint) != std::string::npos, failure->hint());
        BOOST_TEST(failure->http_status() == row.status);
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_for_whoever_asked) {
    http::Request get(http::Method::get, "https://minio.lan/nix/x.narinfo");
    BOOST_TEST(!explain_s3_error(get, reply(404, "NoSuchKey"), party()));
    BOOST_TEST(!explain_s3_error(get, reply(403, "AccessDenied"), party())); // without the right to list
    BOOST_TEST(!explain_s3_error(get, reply(404, ""), party()));
    BOOST_TEST(!explain_s3_error(get, reply(200, "NoSuchBucket"), party()));
}

BOOST_AUTO_TEST_CASE(a_redirect_without_a_word_names_the_region_it_has) {
    auto response = reply(301, "");
    response.headers.push_back({"x-amz-bucket-region", "eu-central-1"});
    http::Request head(http::Method::head, "https://minio.lan/nix/x.narinfo");
    auto failure = explain_s3_error(head, response, party());
    BOOST_REQUIRE(failure);
    BOOST_TEST(failure->hint().find("?region=eu-central-1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_too_much_may_say_for_how_long) {
    auto response = reply(503, "SlowDown");
    response.headers.push_back({"Retry-After", "7"});
    http::Request get(http::Method::get, "https://minio.lan/nix/x.narinfo");
    auto failure = explain_s3_error(get, response, party());
    BOOST_REQUIRE(failure);
    BOOST_TEST((failure->retry_after() == std::chrono::seconds(7)));
}

BOOST_AUTO_TEST_CASE(without_a_key_that_is_what_is_missing) {
    auto anonymous = party();
    anonymous.key_source.clear();
    http::Request put(http::Method::put, "https://minio.lan/nix/x.narinfo");
    auto failure = explain_s3_error(put, reply(403, "AccessDenied"), anonymous);
    BOOST_REQUIRE(failure);
    BOOST_TEST(failure->cause().find("without a key") != std::string::npos);
    BOOST_TEST(failure->hint().find("AWS_ACCESS_KEY_ID") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
