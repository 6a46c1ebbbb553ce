#include "base/url_query.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;

BOOST_AUTO_TEST_SUITE(url_query)

BOOST_AUTO_TEST_CASE(only_what_is_known_to_hold_no_login_is_harmless) {
    for (const auto* part : {"ref=main", "narHash=sha256-h4gyzSK1=", "dir=a/b", "lastModified=1", "revCount=2",
                             "sha=0123", "REV=0123", "compression=zstd", "ref=", ""})
        BOOST_TEST(is_harmless_parameter(part), part);
    for (const auto* part : {"token=x", "jwt=x", "pwd=x", "x=1", "ref", "s3cret", "=", "=x", "ref=a;token=x",
                             "ref=https://kim:x@host", "dir=kim%3Ax%40host", "ref =main", "path=a?token=x"})
        BOOST_TEST(!is_harmless_parameter(part), part);
}

BOOST_AUTO_TEST_CASE(a_query_is_shown_without_what_may_be_a_login) {
    BOOST_TEST(redact_query("") == "");
    BOOST_TEST(redact_query("ref=main&token=s3cret&x") == "ref=main&token=…&…");
    BOOST_TEST(redact_query("ref=main#hosts") == "ref=main#hosts");
    BOOST_TEST(redact_query("token=s3#cret") == "token=…#…");
    BOOST_TEST(redact_query("&&") == "&&");
}

BOOST_AUTO_TEST_CASE(a_token_is_no_name) {
    for (const auto* text : {"s3cret-of-a-server", "ghp_0123456789abcdef"}) BOOST_TEST(looks_like_token(text), text);
    for (const auto* text : {"main", "a-long-name-without-digits", "s3cret of a server", "s3cret.of.a.server", ""})
        BOOST_TEST(!looks_like_token(text), text);
}

BOOST_AUTO_TEST_CASE(a_token_among_names_is_told_from_hashes) {
    for (const auto* text : {"glpat-abcdefabcdef0123456789", "x_ghp_abcdefabcdef0123456789", "Zk3v9QmX2rT8bYw5LcN7",
                             "a.Zk3v9QmX2rT8bYw5LcN7-b", "sha256-ghp_abcdefabcdef0123456789"})
        BOOST_TEST(holds_token(text), text);
    for (const auto* text :
         {"", "main", "2893f56de08021cffd9b6b6dfc70fd9ccd51eb60", "018f1b4a-c8ee-7c8a-8e0c-0123456789ab",
          "sha256-h4gyzSK14DjhF7cBN4VY+Km2ytc4Gg5tV6noZdNPhaY=", "NixOSConfigurationsForRaspberryPi4", "npm_and_yarn",
          "1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3"})
        BOOST_TEST(!holds_token(text), text);
}

BOOST_AUTO_TEST_SUITE_END()
