#include "cache/niks3_reply.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::cache;

namespace {

http::Response answer(const std::string& body) {
    http::Response response;
    response.status = 200;
    response.body = body;
    response.effective_url = "https://niks3.example.org/api/x";
    return response;
}

template <class Value> void is_nonsense(const Result<Value>& read, const std::string& body) {
    BOOST_REQUIRE_MESSAGE(!read, body);
    BOOST_TEST((read.error().kind() == FailureKind::protocol));
    BOOST_TEST(read.error().one_line().find("geheim") == std::string::npos, read.error().one_line());
}

} // namespace

BOOST_AUTO_TEST_SUITE(niks3_reply)

BOOST_AUTO_TEST_CASE(a_configuration_is_read) {
    auto config = read_niks3_config(answer(R"({"substituter_url":"https://cache.example.org/","public_keys":)"
                                           R"(["c-1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],)"
                                           R"("oidc_audience":"me"})"));
    BOOST_REQUIRE(config.has_value());
    BOOST_TEST(config->substituter_url == "https://cache.example.org");
    BOOST_TEST(config->public_keys.size() == 1U);
    BOOST_TEST(config->oidc_audience == "me");
    for (const auto* body : {"", "<html>", "{}", R"({"public_keys":7})", R"({"public_keys":[7]})",
                             R"({"public_keys":["c-1:short"]})", R"({"public_keys":[],"substituter_url":"file:///x"})",
                             R"({"public_keys":[],"substituter_url":"https://a:geheim@b/"})"})
        is_nonsense(read_niks3_config(answer(body)), body);
}

BOOST_AUTO_TEST_CASE(addresses_to_upload_to_are_read_and_never_repeated) {
    auto pending = read_niks3_pending(answer(
        R"({"id":"7","pending_objects":{"a.narinfo":{"type":"narinfo","presigned_url":"https://s3/a?x=1\u0026y"},)"
        R"("nar/b":{"type":"nar","multipart_info":{"upload_id":"u","part_urls":["https://s3/b?1"]}}}})"));
    BOOST_REQUIRE(pending.has_value());
    BOOST_TEST(pending->id == "7");
    BOOST_TEST(pending->slots.at("a.narinfo").url == "https://s3/a?x=1&y");
    BOOST_TEST(!pending->slots.at("a.narinfo").is_in_parts());
    BOOST_TEST(pending->slots.at("nar/b").part_urls.size() == 1U);
    BOOST_TEST(read_niks3_pending(answer(R"({"id":"7","pending_objects":null})")).value().slots.empty());
    for (
        const auto* body :
        {"{}", R"({"id":7,"pending_objects":{}})", R"({"id":"7"})", R"({"id":"7","pending_objects":[]})",
         R"({"id":"7","pending_objects":{"a":{}}})", R"({"id":"7","pending_objects":{"a":{"presigned_url":"geheim"}}})",
         R"({"id":"7","pending_objects":{"a":{"presigned_url":"https://x:geheim@s3/"}}})",
         R"({"id":"7","pending_objects":{"a":{"multipart_info":{"upload_id":"","part_urls":["https://s3/geheim"]}}}})"})
        is_nonsense(read_niks3_pending(answer(body)), body);
    BOOST_TEST(read_niks3_part_urls(answer(R"({"part_urls":["https://s3/1","https://s3/2"]})"), 2).value().size() ==
               2U);
    for (const auto* body : {"{}", R"({"part_urls":["https://s3/geheim"]})", R"({"part_urls":[1,2]})"})
        is_nonsense(read_niks3_part_urls(answer(body), 2), body);
}

BOOST_AUTO_TEST_CASE(signatures_and_pins_are_read) {
    BOOST_TEST(read_niks3_signatures(answer(R"({"signatures":{"a":["k:s"]}})"), "a").value().size() == 1U);
    for (const auto* body : {"{}", R"({"signatures":{"b":["k:s"]}})", R"({"signatures":{"a":[7]}})"})
        is_nonsense(read_niks3_signatures(answer(body), "a"), body);
    const std::string path = "/nix/store/00000000000000000000000000000000-x";
    auto list = answer(R"([{"name":"other"},{"name":"mine","store_path":")" + path + R"("}])");
    BOOST_TEST((read_niks3_pin(list, "mine").value()->to_string() == path));
    BOOST_TEST(!read_niks3_pin(list, "nobodys").value());
    BOOST_TEST(!read_niks3_pin(list, "other"));
    is_nonsense(read_niks3_pin(answer("{}"), "mine"), "{}");
}

BOOST_AUTO_TEST_SUITE_END()
