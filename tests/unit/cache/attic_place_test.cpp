#include "cache/attic_place.hpp"
#include "cache/cache_uri.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using cache::CacheUri;
using cache::Scheme;

BOOST_AUTO_TEST_SUITE(attic_place)

BOOST_AUTO_TEST_CASE(a_server_is_a_name_or_an_address_or_the_default_one) {
    struct Row {
        const char* text;
        const char* server;
        bool is_address;
        const char* shown;
    };
    for (const auto& row :
         {Row{"attic://team", "", false, "attic://team"}, Row{"attic://nas/team/", "nas", false, "attic://nas/team"},
          Row{"ATTIC://Nas/Team_1", "Nas", false, "attic://Nas/Team_1"},
          Row{"attic://Attic.Example.org/team", "attic.example.org", true, "attic://attic.example.org/team"},
          Row{"attic://nas:8080/team", "nas:8080", true, "attic://nas:8080/team"},
          Row{"attic://example.org/attic/team", "example.org/attic", true, "attic://example.org/attic/team"},
          Row{"attic://localhost/team", "localhost", true, "attic://localhost/team"},
          Row{"attic://[::1]:8080/team?scheme=http", "[::1]:8080", true, "attic://[::1]:8080/team?scheme=http"}}) {
        auto uri = CacheUri::parse(row.text);
        BOOST_REQUIRE_MESSAGE(uri, row.text);
        BOOST_TEST((uri->scheme == Scheme::attic));
        BOOST_TEST(uri->attic.server == row.server);
        BOOST_TEST(uri->attic.is_address() == row.is_address);
        BOOST_TEST(uri->to_string() == row.shown);
    }
}

BOOST_AUTO_TEST_CASE(an_address_is_reached_over_https_unless_it_says_otherwise) {
    BOOST_TEST(CacheUri::parse("attic://nas.example.org/p/team")->attic.endpoint() == "https://nas.example.org/p");
    auto plain = CacheUri::parse("attic://127.0.0.1:8080/team?scheme=http&optional=1&priority=7");
    BOOST_TEST(plain->attic.endpoint() == "http://127.0.0.1:8080");
    BOOST_TEST(plain->optional);
    BOOST_TEST(plain->priority.value() == 7);
    BOOST_TEST(plain->parameters == "priority=7");
}

BOOST_AUTO_TEST_CASE(what_is_none_is_told_why) {
    struct Row {
        const char* text;
        const char* why;
    };
    for (const auto& row :
         {Row{"attic://", "CACHE or SERVER/CACHE"}, Row{"attic:///team", "its server is empty"},
          Row{"attic://nas/te.am", "the name of a cache consists of"}, Row{"attic://nas/-x", "begins with"},
          Row{"attic://nas/team?scheme=http", "stands in attic's own configuration file"},
          Row{"attic://a.b/team?scheme=ftp", "https or http"}, Row{"attic://kim@a.b/team", "a login is not part"},
          Row{"attic://a.b:99999/team", "port"}, Row{"attic://a.b/team?push=https://c.d", "its own API"},
          Row{"attic://a.b/%70/team", "HOST/PREFIX"}}) {
        auto uri = CacheUri::parse(row.text);
        BOOST_REQUIRE_MESSAGE(!uri, row.text);
        BOOST_TEST((uri.error().kind() == FailureKind::usage));
        BOOST_TEST(uri.error().cause().find(row.why) != std::string::npos, uri.error().cause());
    }
    auto secret = CacheUri::parse("attic://kim:geheim@a.b/team");
    BOOST_REQUIRE(!secret);
    BOOST_TEST(render(secret.error()).find("geheim") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
