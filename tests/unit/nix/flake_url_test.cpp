#include "base/text.hpp"
#include "nix/flake_url.hpp"

#include <boost/test/unit_test.hpp>

#include <array>

using namespace cachefill;

BOOST_AUTO_TEST_SUITE(flake_url)

BOOST_AUTO_TEST_CASE(a_directory_of_any_name_survives_its_way_through_a_url) {
    BOOST_TEST(nix::encode_path("/srv/a b#c?d@e%41+ü/x") == "/srv/a%20b%23c%3Fd%40e%2541%2B%C3%BC/x");
    for (const auto* path : {"/", "", "/plain/path", "/srv/a b#c?d@e%41+ü/x"})
        BOOST_TEST(percent_decode(nix::encode_path(path)) == path);
}

BOOST_AUTO_TEST_CASE(a_repository_is_named_with_what_is_known_of_it) {
    std::array<std::pair<std::string, std::string>, 2> parameters{{{"rev", "0123"}, {"dir", ""}}};
    BOOST_TEST(nix::git_file_url("/srv/a#b", parameters) == "git+file:///srv/a%23b?rev=0123");
    parameters[1].second = "hosts/x y";
    BOOST_TEST(nix::git_file_url("/srv", parameters) == "git+file:///srv?rev=0123&dir=hosts/x%20y");
    BOOST_TEST(nix::git_file_url("/srv", {}) == "git+file:///srv");
}

BOOST_AUTO_TEST_CASE(a_login_in_an_address_is_seen) {
    for (const auto* url :
         {"https://kim:s3cret@example.org/x.tar.gz", "https://s3cret@example.org/x", "ssh://kim:s3cret@example.org/x",
          "https://example.org/x.tar.gz?access_token=s3cret", "https://kim:s3 cret@example.org/x",
          "https://example.org/x.tar.gz?pwd=s3cret", "https://example.org/x.tar.gz?jwt=s3cret",
          "https://example.org/x.tar.gz?Policy=s3cret&Key-Pair-Id=x",
          "https://example.org/x.tar.gz?s3cret-s3cret-s3cret", "https://example.org/x.tar.gz?of=s3cret-s3cret-s3cret"})
        BOOST_TEST(nix::has_login(url), url);
    for (const auto* url :
         {"git+ssh://git@example.org/x", "path:/home/kim@desk/nix", "/home/kim@desk/nix", "github:kim/nix?ref=a", "",
          "git@example.org:kim/nix", "git+https://example.org/x?publicKeys=[]&keytype=ssh-rsa",
          "https://example.org/x?format=tar"})
        BOOST_TEST(!nix::has_login(url), url);
    BOOST_TEST(!nix::has_login("https://example.org/x?rev=0123456789012345678901234567890123456789&x=1"));
}

BOOST_AUTO_TEST_CASE(a_parameter_that_nobody_knows_may_be_a_login) {
    for (const auto* url : {"https://example.org/x?of=s3cret", "https://example.org/x?s3cret",
                            "https://example.org/x?ref=a&s3cret", "https://example.org/x?token=a"})
        BOOST_TEST(nix::may_have_login(url), url);
    for (const auto* url : {"https://example.org/x?ref=a&narHash=sha256-h4gyzSK14DjhF7cBN4VY+Km2ytc4Gg5tV6noZdNPhaY=",
                            "https://example.org/x", "https://example.org/x?", "https://example.org/x?format=tar#a"})
        BOOST_TEST(!nix::may_have_login(url), url);
}

BOOST_AUTO_TEST_CASE(an_address_whose_query_is_empty_has_no_login) {
    for (const std::string url : {"git+https://git.example.org/a?#b", "github:kim/fleet?#x", "path:/srv/a?",
                                  "path:/srv/a?#=b", "x://86/a?#=Z", "x://86/a?&&#token"})
        BOOST_TEST(!nix::has_login(url), url);
}

BOOST_AUTO_TEST_CASE(a_path_is_shown_without_what_may_be_a_token) {
    const std::pair<const char*, const char*> table[] = {
        {"https://host/t/glpat-abcdefabcdef0123456789/x?a=b", "https://host/t/…/x?a=b"},
        {"https://host/x.tar.gz;jsessionid=s3cret", "https://host/…"},
        {"https://host/%67lpat-abcdefabcdef0123456789", "https://host/…"},
        {"https://host/kim/nix/archive/main.tar.gz#a", "https://host/kim/nix/archive/main.tar.gz#a"},
        {"git@host:kim/nix", "git@host:kim/nix"},
        {"https://host", "https://host"},
        {"", ""},
    };
    for (const auto& [url, shown] : table) {
        BOOST_TEST(nix::without_tokens(url) == shown);
        BOOST_TEST((nix::without_tokens(url) == url || nix::may_have_login(url)), url);
    }
}

BOOST_AUTO_TEST_SUITE_END()
