#include "cache/cache_uri.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::cache;

namespace {

CacheUri parsed(const std::string& text) { return CacheUri::parse(text).value(); }

} // namespace

BOOST_AUTO_TEST_SUITE(niks3_place)

BOOST_AUTO_TEST_CASE(a_host_is_reached_by_https_unless_it_says_otherwise) {
    auto uri = parsed("niks3://Niks3.Example.org");
    BOOST_TEST((uri.scheme == Scheme::niks3));
    BOOST_TEST(uri.to_string() == "niks3://niks3.example.org");
    BOOST_TEST(uri.niks3.endpoint() == "https://niks3.example.org");
    BOOST_TEST(parsed("niks3://localhost:5751/?scheme=http").niks3.endpoint() == "http://localhost:5751");
    BOOST_TEST(parsed("niks3://localhost:5751?scheme=http").to_string() == "niks3://localhost:5751?scheme=http");
    BOOST_TEST(parsed("niks3://example.org/cache/").niks3.endpoint() == "https://example.org/cache");
}

BOOST_AUTO_TEST_CASE(two_spellings_of_one_server_are_one_cache) {
    BOOST_TEST(parsed("niks3://example.org:443").to_string() == "niks3://example.org");
    BOOST_TEST(parsed("niks3://Example.ORG/Team").to_string() == "niks3://example.org/Team"); // no two spellings
    BOOST_TEST(parsed("niks3://example.org?scheme=https&optional=1").to_string() == "niks3://example.org");
}

BOOST_AUTO_TEST_CASE(nix_gets_what_the_server_tells_with_the_parameters_that_are_for_it) {
    auto uri = parsed("niks3://localhost:1?scheme=http&priority=7&optional=1");
    BOOST_TEST(uri.parameters == "priority=7");
    BOOST_TEST(uri.optional);
    BOOST_TEST((uri.priority == 7));
}

BOOST_AUTO_TEST_CASE(a_token_of_github_is_made_out_for_the_server_or_for_whom_a_person_names) {
    auto place = parsed("niks3://niks3.example.org:8443/Team").niks3;
    for (const auto* own : {"https://niks3.example.org:8443/Team", "https://niks3.example.org:8443/Team/",
                            "niks3.example.org:8443/Team", "niks3.example.org:8443", "Niks3.example.org"})
        BOOST_TEST(place.audience_for(own) == own);
    for (const auto* other :
         {"sts.amazonaws.com", "", "example.org", "https://niks3.example.org.evil.example", "niks3"})
        BOOST_TEST(place.audience_for(other) == "", other);
    auto uri = parsed("niks3://niks3.example.org?audience=our%20depot&priority=7");
    BOOST_TEST(uri.niks3.audience_for("sts.amazonaws.com") == "our depot");
    BOOST_TEST(uri.parameters == "priority=7");
    BOOST_TEST(uri.to_string() == "niks3://niks3.example.org");
}

BOOST_AUTO_TEST_CASE(what_is_no_server_is_refused_by_name) {
    for (const auto* text :
         {"niks3://", "niks3:///x", "niks3://kim:secret@example.org", "niks3://example.org?scheme=ftp",
          "niks3://example.org//x", "niks3://example.org?push=/x", "niks3://a b"}) {
        auto uri = CacheUri::parse(text);
        BOOST_REQUIRE_MESSAGE(!uri, text);
        BOOST_TEST((uri.error().kind() == FailureKind::usage));
        BOOST_TEST(uri.error().one_line().find("secret") == std::string::npos, uri.error().one_line());
    }
}

BOOST_AUTO_TEST_SUITE_END()
