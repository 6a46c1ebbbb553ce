#include "harness.hpp"
#include "http/netrc.hpp"
#include "http/url.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using http::Netrc;
using http::parse_url;

namespace {

std::string login_for(const Netrc& netrc, std::string_view host, Netrc::Default use = Netrc::Default::use,
                      std::string_view login = {}) {
    auto found = netrc.find(host, use, login);
    if (!found) return found.error().one_line();
    return found->empty() ? "none" : std::string(found->front().reveal());
}

std::string login_in(const std::string& url) {
    auto parsed = parse_url(url);
    if (!parsed) return parsed.error().one_line();
    return parsed->credentials ? std::string(parsed->credentials->reveal()) : "none";
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_parts)

BOOST_AUTO_TEST_CASE(a_host_is_never_taken_for_the_address_that_it_begins_with) {
    for (const auto* text :
         {"http://127.0.0.1.example.org/x", "https://10.0.0.1x", "http://127.0.0.1.example.org:80"}) {
        auto url = http::parse_url(text);
        BOOST_TEST(!url.has_value(), text);
    }
    BOOST_TEST(http::parse_url("http://127.0.0.1/x")->host == "127.0.0.1");
    BOOST_TEST(http::parse_url("http://127.example.org/x")->host == "127.example.org");
}

BOOST_AUTO_TEST_CASE(dots_lead_where_they_lead_for_curl) {
    for (auto [path, target] : std::initializer_list<std::pair<const char*, const char*>>{
             {"", "/"},
             {"/", "/"},
             {"/a", "/a"},
             {"/a/", "/a/"},
             {"/a//b", "/a//b"},
             {"/infos/../nar/x.nar", "/nar/x.nar"},
             {"/./nar/./x", "/nar/x"},
             {"/../../x", "/x"},
             {"/a/b/..", "/a/"},
             {"/a/.", "/a/"},
             {"/..", "/"},
             {"/a/...", "/a/..."},
             {"/a/.b?c=/../d", "/a/.b?c=/../d"},
         }) {
        auto url = parse_url("http://h" + std::string(path));
        BOOST_TEST_REQUIRE(url.has_value(), path);
        BOOST_TEST(url->target == target);
    }
}

BOOST_AUTO_TEST_CASE(urls_are_taken_apart) {
    auto url = parse_url("HTTPS://Me%40x:p%3Aw@Cache.Example:8443/a/../b?q=%20#fragment");
    BOOST_TEST_REQUIRE(url.has_value());
    BOOST_TEST(url->tls);
    BOOST_TEST(url->host == "cache.example");
    BOOST_TEST(url->port == 8443);
    BOOST_TEST(url->target == "/b?q=%20");
    BOOST_TEST(url->credentials->reveal() == "Me@x:p:w");
    BOOST_TEST(url->to_string() == "https://cache.example:8443/b?q=%20");
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

// As curl 7.88 takes them, and an '@' that should have been encoded besides.
BOOST_AUTO_TEST_CASE(logins_in_urls_are_decoded_and_may_have_odd_characters) {
    BOOST_TEST(login_in("http://u:p%40ss@h/") == "u:p@ss");
    BOOST_TEST(login_in("http://u:p@ss@h/x@y") == "u:p@ss");
    BOOST_TEST(login_in("http://u:a[b{c}%zz%4@h/") == "u:a[b{c}%zz%4");
    BOOST_TEST(login_in("http://u:p%20:q@[::1]:81/") == "u:p :q");
    BOOST_TEST(login_in("http://:token@h") == ":token");
    BOOST_TEST(login_in("http://user@h") == "user");
    BOOST_TEST(login_in("http://u:@h") == "u:");
    BOOST_TEST(login_in("http://h/u:p@x") == "none");
    BOOST_TEST(contains(login_in("http://u:p%00x@h/"), "control characters"));
    BOOST_TEST(contains(login_in("http://u:p%0Ax@h/"), "control characters"));
}

BOOST_AUTO_TEST_CASE(bad_urls_are_refused_without_showing_their_password) {
    for (const auto* text :
         {"https://me:secret@h:0/", "https://me:secret@h:65536/", "https://me:secret@h/a b", "ftp://me:secret@h/",
          "https://me:secret@/x", "https://me:secret@h%00.i/x", "https://me:secret@h%2Fx.i/x",
          "https://me:secret@h%40i/x", "https://me:secret@h%F8.i/x"}) {
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
    for (const auto* odd : {"https://h\xF8.i/", "https://h`.i/", "//h%3A.i/"})
        BOOST_TEST(contains(resolve(odd), "characters that no host has"), odd);
}

BOOST_AUTO_TEST_CASE(default_ports_of_http_and_https_are_the_same_host) {
    auto same = [](const char* a, const char* b) { return http::is_same_host(*parse_url(a), *parse_url(b)); };
    BOOST_TEST(same("http://h/", "https://H/x"));
    BOOST_TEST(same("https://h:8443/", "https://h:8443/x"));
    BOOST_TEST(!same("https://h/", "https://h:8443/"));
    BOOST_TEST(!same("https://h/", "https://h.example/"));
}

BOOST_AUTO_TEST_CASE(all_logins_of_netrc_are_known_and_the_form_in_which_they_are_sent) {
    auto logins = Netrc::parse("machine a login kim password geheim\nmachine b login kim\ndefault password x\n").all();
    BOOST_TEST_REQUIRE(logins.size() == 3U);
    BOOST_TEST(logins[0].reveal() == "kim:geheim");
    BOOST_TEST(logins[1].reveal() == "kim:");
    BOOST_TEST(logins[2].reveal() == ":x");
    BOOST_TEST(http::in_base64(logins[0]) == "a2ltOmdlaGVpbQ");
}

BOOST_AUTO_TEST_CASE(netrc_names_a_host_with_either_half_of_a_login) {
    auto netrc = Netrc::parse("machine a login kim\nmachine b password x\nmachine c account y\ndefault login kim\n");
    BOOST_TEST(netrc.names("A"));
    BOOST_TEST(netrc.names("b"));
    BOOST_TEST(!netrc.names("c"));
    BOOST_TEST(!netrc.names("d"));
    BOOST_TEST(netrc.is_whole());
    BOOST_TEST(!Netrc::parse("machine a login \"kim\nmachine b login x\n").is_whole());
}

BOOST_AUTO_TEST_CASE(netrc_entries_are_found_in_any_layout) {
    auto netrc = Netrc::parse("# a comment\n"
                              "machine one.example login me password pw # trailing\n"
                              "machine private.cachix.org password TOKEN\n"
                              "MACHINE\tTwo.Example\n\tLogin \"with blank\"\n\tpassword a#\\\"x\n"
                              "macdef init\nmachine not.this password x\n\n"
                              "default login anybody password \"a \\\"b\\\"\"\n");
    BOOST_TEST(login_for(netrc, "one.example") == "me:pw");
    BOOST_TEST(login_for(netrc, "ONE.example") == "me:pw");
    BOOST_TEST(login_for(netrc, "private.cachix.org") == ":TOKEN");
    BOOST_TEST(login_for(netrc, "two.example") == "with blank:a#\\\"x");
    BOOST_TEST(login_for(netrc, "not.this") == "anybody:a \"b\"");
    BOOST_TEST(login_for(netrc, "else.example") == "anybody:a \"b\"");
    BOOST_TEST(login_for(netrc, "else.example", Netrc::Default::ignore) == "none");
    BOOST_TEST(login_for(netrc, "one.example", Netrc::Default::ignore) == "me:pw");
}

BOOST_AUTO_TEST_CASE(netrc_words_are_read_as_curl_reads_them) {
    auto one = [](const std::string& text, std::string_view login = {}) {
        return login_for(Netrc::parse(text), "h", Netrc::Default::use, login);
    };
    BOOST_TEST(
        one("machine x login y password z # comment machine h login no password no\nmachine h login a password b") ==
        "a:b");
    BOOST_TEST(one("machine h login a password #b\n  c") == "a:c"); // a '#' begins a comment before any word
    BOOST_TEST(one("machine h login a password \"#b\"") == "a:#b");
    BOOST_TEST(one("machine h login a password \"b\\nc\\t\\\\\"") == "a:b\nc\t\\");
    BOOST_TEST(one("machine h login a password b\"c\"d") == "a:b\"c\"d");
    BOOST_TEST(one("machine h login a password b\r\n") == "a:b");
    BOOST_TEST(one("machine h password b account q login a") == "a:b");
    BOOST_TEST(one("macdef x\nmachine h login i password n\nmachine h login a password b") == "none");
    BOOST_TEST(one("machine h login a\ndefault login d password e") == "d:e"); // no password, no login
    // Unlike curl: whoever names the host is tried first.
    BOOST_TEST(one("default login d password e\nmachine h login a password b") == "a:b");
    BOOST_TEST(one("machine h login b password c\nmachine h login a password d", "a") == "a:d");
    BOOST_TEST(one("machine h login b password c\nmachine h password d", "a") == "a:d");
    BOOST_TEST(one("machine h login b password c", "a") == "none");
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_netrc_is_told_by_line_and_without_its_words) {
    struct Row {
        std::string text;
        std::string remark;
    };
    for (const auto& [text, remark] : {
             Row{"machine", "line 1 has a machine without a name"},
             Row{"\nmachine \"\" password secret", "line 2 has a machine without a name"},
             Row{"login me password secret", "line 1 has login before any machine"},
             Row{"machine x login y\n# z\npasswrd secret", "line 3 has a word that belongs to nothing"},
             Row{"machine x login y password", "line 1 has no value for password"},
             Row{"machine x\nlogin y password \"secret", "line 2 has a quoted word that does not end"},
         }) {
        auto netrc = Netrc::parse(text);
        BOOST_TEST_REQUIRE(!netrc.remarks().empty(), text);
        BOOST_TEST(netrc.remarks().front() == remark);
        for (const auto& line : netrc.remarks()) BOOST_TEST(!contains(line, "secret"));
    }
    BOOST_TEST(
        Netrc::parse("# all well\nmachine x login y password z\ndefault login a password b\n").remarks().empty());
    BOOST_TEST(Netrc::parse(std::string(100'000, 'x') + "\n" + std::string(1000, ' ')).remarks().size() == 1);
    std::string many;
    for (int i = 0; i < 1'000; ++i) many += "word\n";
    BOOST_TEST(Netrc::parse(many).remarks().size() == 20);
}

BOOST_AUTO_TEST_CASE(a_netrc_that_cannot_be_read_to_its_end_is_a_failure_for_what_was_not_found_before) {
    auto directory = temporary_directory();
    auto path = directory.path() / "netrc";
    BOOST_TEST(write_file_atomically(path, "machine a login b password c\nmachine d login \"e\n").has_value());
    const std::vector<std::filesystem::path> files{path}, nowhere{"", "/nonexistent/netrc"};
    auto netrc = Netrc::read(files);
    BOOST_TEST_REQUIRE(netrc.has_value());
    BOOST_TEST(login_for(*netrc, "a") == "b:c");
    auto text = login_for(*netrc, "d");
    BOOST_TEST(contains(text, "cannot be read to its end: " + path.string() + ": line 2"), text);
    auto absent = Netrc::read(nowhere);
    BOOST_TEST_REQUIRE(absent.has_value());
    BOOST_TEST(login_for(*absent, "h") == "none");
}

BOOST_AUTO_TEST_SUITE_END()
