#include "harness.hpp"
#include "http/netrc.hpp"
#include "http/url.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using http::Netrc;
using http::parse_url;

namespace {

std::string login_for(const Netrc& netrc, std::string_view host, Netrc::Default use = Netrc::Default::use) {
    auto found = netrc.find(host, use);
    return found.empty() ? "none" : std::string(found[0].reveal());
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_parts)

BOOST_AUTO_TEST_CASE(urls_are_taken_apart) {
    auto url = parse_url("HTTPS://Me%40x:p%3Aw@Cache.Example:8443/a/../b?q=%20#fragment");
    BOOST_TEST_REQUIRE(url.has_value());
    BOOST_TEST(url->tls);
    BOOST_TEST(url->host == "cache.example");
    BOOST_TEST(url->port == 8443);
    BOOST_TEST(url->target == "/a/../b?q=%20");
    BOOST_TEST(url->credentials->reveal() == "Me@x:p:w");
    BOOST_TEST(url->to_string() == "https://cache.example:8443/a/../b?q=%20");
    auto v6 = parse_url("http://[::1]:81");
    BOOST_TEST_REQUIRE(v6.has_value());
    BOOST_TEST(v6->host == "::1");
    BOOST_TEST(v6->target == "/");
    BOOST_TEST(v6->authority() == "[::1]:81");
    auto defaults = parse_url("https://h:443?x");
    BOOST_TEST_REQUIRE(defaults.has_value());
    BOOST_TEST(defaults->authority() == "h");
    BOOST_TEST(defaults->host_and_port() == "h:443");
    BOOST_TEST(defaults->target == "/?x");
}

BOOST_AUTO_TEST_CASE(bad_urls_are_refused_without_showing_their_password) {
    for (const auto* text : {"https://me:secret@h:0/", "https://me:secret@h:65536/", "https://me:secret@h/a b",
                             "ftp://me:secret@h/", "https://me:secret@/x"}) {
        auto url = parse_url(text);
        BOOST_TEST_REQUIRE(!url.has_value());
        BOOST_TEST((url.error().kind() == FailureKind::usage));
        BOOST_TEST(!contains(url.error().one_line(), "secret"), url.error().one_line());
    }
}

BOOST_AUTO_TEST_CASE(locations_are_resolved_against_where_they_came_from) {
    auto base = parse_url("https://me:pw@h/a/b?x");
    BOOST_TEST_REQUIRE(base.has_value());
    auto resolve = [&](const std::string& location) {
        auto url = http::resolve_location(*base, location);
        return url ? url->to_string() : url.error().one_line();
    };
    BOOST_TEST(resolve("/c") == "https://h/c");
    BOOST_TEST(resolve("d?y") == "https://h/a/d?y");
    BOOST_TEST(resolve("//other/p") == "https://other/p");
    BOOST_TEST(resolve("http://z:81/") == "http://z:81/");
    BOOST_TEST(resolve("/a b|c") == "https://h/a%20b%7Cc");
    BOOST_TEST(contains(resolve("mailto:x@y"), "no http or https URL"));
}

BOOST_AUTO_TEST_CASE(default_ports_of_http_and_https_are_the_same_host) {
    auto same = [](const char* a, const char* b) { return http::is_same_host(*parse_url(a), *parse_url(b)); };
    BOOST_TEST(same("http://h/", "https://H/x"));
    BOOST_TEST(same("https://h:8443/", "https://h:8443/x"));
    BOOST_TEST(!same("https://h/", "https://h:8443/"));
    BOOST_TEST(!same("https://h/", "https://h.example/"));
}

BOOST_AUTO_TEST_CASE(netrc_entries_are_found_in_any_layout) {
    auto netrc = Netrc::parse("# a comment\n"
                              "machine one.example login me password pw # trailing\n"
                              "machine private.cachix.org password TOKEN\n"
                              "machine\tTwo.Example\n\tlogin \"with blank\"\n\tpassword #\\\"x\n"
                              "macdef init\nmachine not.this password x\n\n"
                              "default login anybody password \"a \\\"b\\\"\"\n");
    BOOST_TEST(login_for(netrc, "one.example") == "me:pw");
    BOOST_TEST(login_for(netrc, "ONE.example") == "me:pw");
    BOOST_TEST(login_for(netrc, "private.cachix.org") == ":TOKEN");
    BOOST_TEST(login_for(netrc, "two.example") == "with blank:#\\\"x");
    BOOST_TEST(login_for(netrc, "not.this") == "anybody:a \"b\"");
    BOOST_TEST(login_for(netrc, "else.example") == "anybody:a \"b\"");
    BOOST_TEST(login_for(netrc, "else.example", Netrc::Default::ignore) == "none");
    BOOST_TEST(login_for(netrc, "one.example", Netrc::Default::ignore) == "me:pw");
}

BOOST_AUTO_TEST_CASE(a_broken_or_absent_netrc_has_no_entries) {
    for (const auto* text : {"", "machine", "login me password pw", "\"unclosed", "machine \"\" password x", "macdef"})
        BOOST_TEST(login_for(Netrc::parse(text), "h") == "none", text);
    const std::vector<std::filesystem::path> nowhere{"", "/nonexistent/netrc"};
    auto absent = Netrc::read(nowhere);
    BOOST_TEST_REQUIRE(absent.has_value());
    BOOST_TEST(login_for(*absent, "h") == "none");
}

BOOST_AUTO_TEST_SUITE_END()
