#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "cache/secret_parameters.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using cache::CacheUri;
using cache::Scheme;

namespace {

void check_refused(std::string_view text, std::string_view why) {
    auto uri = CacheUri::parse(text);
    BOOST_TEST_CONTEXT(text) {
        BOOST_REQUIRE(!uri);
        BOOST_TEST((uri.error().kind() == FailureKind::usage));
        BOOST_TEST(uri.error().cause().find(why) != std::string::npos, uri.error().cause());
        BOOST_TEST(uri.error().hint().find("file:///") != std::string::npos);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(cache_uri)

BOOST_AUTO_TEST_CASE(a_bare_name_is_a_cachix_cache) {
    for (auto text : {"krit-nixos", "cachix://krit-nixos", " CACHIX://krit-nixos\n"}) {
        auto uri = CacheUri::parse(text);
        BOOST_REQUIRE(uri);
        BOOST_TEST((uri->scheme == Scheme::cachix));
        BOOST_TEST(uri->name == "krit-nixos");
        BOOST_TEST(uri->base.empty());
        BOOST_TEST(uri->to_string() == "cachix://krit-nixos");
    }
}

BOOST_AUTO_TEST_CASE(a_bare_name_in_a_nix_configuration_is_no_cachix_cache) {
    BOOST_TEST(!cache::parse_substituter("krit-nixos"));
    BOOST_TEST(cache::canonical_url("krit-nixos") == "krit-nixos");
    BOOST_REQUIRE(cache::parse_substituter("https://krit-nixos.cachix.org/?priority=3"));
    BOOST_TEST(cache::canonical_url("https://krit-nixos.cachix.org/?priority=3") == "https://krit-nixos.cachix.org");
    BOOST_TEST(cache::canonical_url("nonsense://x") == "nonsense://x");
    BOOST_TEST(cache::canonical_url("s3+x://kim:s3cret@bucket?a=b") == "s3+x://…@bucket?a=…");
}

BOOST_AUTO_TEST_CASE(a_directory_is_absolute_and_decoded) {
    auto uri = CacheUri::parse("file:///srv/my%20cache//");
    BOOST_REQUIRE(uri);
    BOOST_TEST((uri->scheme == Scheme::file));
    BOOST_TEST(uri->directory == "/srv/my cache");
    BOOST_TEST(uri->to_string() == "file:///srv/my cache");
}

BOOST_AUTO_TEST_CASE(a_url_loses_parameters_and_trailing_slash_and_hides_its_password) {
    auto uri = CacheUri::parse("https://me:sesame@cache.example.org:8080/a/?priority=7&trusted=1&compression=zstd");
    BOOST_REQUIRE(uri);
    BOOST_TEST((uri->scheme == Scheme::http));
    BOOST_TEST(uri->base.reveal() == "https://me:sesame@cache.example.org:8080/a");
    BOOST_TEST(uri->to_string() == "https://cache.example.org:8080/a");
    BOOST_TEST(uri->name == uri->to_string());
    BOOST_TEST(uri->priority.value() == 7);
    BOOST_TEST(uri->trusted);
}

BOOST_AUTO_TEST_CASE(nix_is_given_the_whole_url_as_a_substituter) {
    cache::CacheInfo info;
    auto given_to_nix = [&info](const char* text) {
        auto uri = CacheUri::parse(text);
        return uri ? std::string(cache::substituter_of(*uri, info).reveal()) : uri.error().one_line();
    };
    BOOST_TEST(given_to_nix("https://me:sesame@cache.example.org/a/?priority=7&optional=1&trusted=1") ==
               "https://me:sesame@cache.example.org/a?priority=7&trusted=1");
    BOOST_TEST(given_to_nix("file:///srv/cache/") == "file:///srv/cache");
    BOOST_TEST(given_to_nix("krit") == "https://krit.cachix.org"); // not asked yet
    info.substituter_url = "https://cache.example.org";            // what Cachix says of a cache with its own domain
    BOOST_TEST(given_to_nix("krit?priority=3") == "https://cache.example.org?priority=3");
}

BOOST_AUTO_TEST_CASE(uploads_may_go_elsewhere) {
    auto uri = CacheUri::parse("https://me:sesame@cache.example.org/nix?push=/upload/&priority=3");
    BOOST_REQUIRE(uri);
    BOOST_TEST(uri->base.reveal() == "https://me:sesame@cache.example.org/nix");
    BOOST_TEST(uri->push_base.reveal() == "https://me:sesame@cache.example.org/upload");
    BOOST_TEST(uri->to_string() == "https://cache.example.org/nix");
    BOOST_TEST(uri->priority.value() == 3);
    uri = CacheUri::parse("http://cdn.example?push=https%3A%2F%2Forigin.example%3A8443%2Fput");
    BOOST_REQUIRE(uri);
    BOOST_TEST(uri->place_to_push().reveal() == "https://origin.example:8443/put");
    BOOST_TEST(uri->parameters.empty());
    BOOST_TEST(CacheUri::parse("https://host")->place_to_push().reveal() == "https://host");
    check_refused("https://host?push=", "push=");
    check_refused("https://host?push=upload", "push=");
    check_refused("https://host?push=ftp://host/x", "push=");
    check_refused("https://host?push=https://host/x%3Fa", "'?'");
    check_refused("team?push=https://host", "API");
    check_refused("file:///srv/cache?push=/x", "directory");
}

BOOST_AUTO_TEST_CASE(without_parameters_nothing_is_trusted_and_no_priority_set) {
    auto uri = CacheUri::parse("http://localhost");
    BOOST_REQUIRE(uri);
    BOOST_TEST(!uri->priority.has_value());
    BOOST_TEST(!uri->trusted);
}

BOOST_AUTO_TEST_CASE(parameters_are_written_as_nix_reads_them) {
    BOOST_TEST(CacheUri::parse("http://localhost?trusted=yes").value().trusted);
    BOOST_TEST(!CacheUri::parse("http://localhost?trusted=no").value().trusted);
    BOOST_TEST(CacheUri::parse("http://localhost?priority=-1").value().priority.value() == -1);
}

BOOST_AUTO_TEST_CASE(what_is_no_cache_is_refused_with_the_reason) {
    check_refused("", "empty");
    check_refused("/srv/cache", "file:///srv/cache");
    check_refused("cachix.org/krit", "no '/'");
    check_refused("cache.nixos.org", "https://cache.nixos.org");
    check_refused("krit nixos", "blanks");
    check_refused("krit\x1b[31m", "control");
    check_refused("caché", "letters");
    check_refused("-rf", "letters");
    check_refused("file://srv/cache", "absolute");
    check_refused("file:///", "root");
    check_refused("file:///a%zz", "hexadecimal");
    check_refused("file:///srv/a%1b[31m", "cannot be shown");
    check_refused("https://", "");
    check_refused("ftp://host/x", "'ftp'");
    check_refused("https://host/?priority=high", "priority");
    check_refused("https://host/?priority=-", "priority");
    check_refused("https://host/?trusted=maybe", "trusted");
    check_refused("https://host/#there", "'#'");
}

BOOST_AUTO_TEST_CASE(a_refused_url_does_not_show_its_password) {
    for (const auto* text : {"ftp://me:sesame@host/x", "me:sesame@host/x", "me:sesame@host", "https:/me:sesame@host",
                             "cachix://me:sesame@x.y", "https://host/#me:sesame", "https://me:12/sesame@host/x",
                             "https://me:se/sesame@host/x", "https://host?push=me:sesame@host",
                             "https://host?push=https://me:12/sesame@host", "file://me:sesame@host"}) {
        auto uri = CacheUri::parse(text);
        BOOST_REQUIRE_MESSAGE(!uri, text);
        auto shown = uri.error().one_line() + uri.error().hint();
        BOOST_TEST(shown.find("sesame") == std::string::npos, shown);
    }
    check_refused("https://me:12/sesame@host/x", "%2F");
}

BOOST_AUTO_TEST_CASE(an_address_without_its_scheme_is_no_directory_and_hides_its_password) {
    for (auto text : {"//kim:s3cret@host/a", "cachix:////kim:s3cret@host/a", "/srv/kim:s3cret@host/a"}) {
        auto uri = CacheUri::parse(text);
        BOOST_REQUIRE(!uri);
        BOOST_TEST(uri.error().one_line().find("s3cret") == std::string::npos, uri.error().one_line());
    }
    check_refused("//kim:s3cret@host/a", "before '//' stands https:");
    check_refused("/srv/cache", "write file:///srv/cache");
}

BOOST_AUTO_TEST_CASE(values_of_parameters_are_secrets_unless_they_are_known_not_to_be) {
    using Texts = std::vector<std::string>;
    auto secrets = [](const char* address) { return cache::secret_parameters(address); };
    BOOST_TEST((secrets("https://h/x?token=abc&priority=40") == Texts{"abc"}));
    BOOST_TEST((secrets("https://h/x?a%62c") == Texts{"a%62c", "abc"}));
    BOOST_TEST((secrets("s3://b?secret-key=abc&endpoint=https://h&region=eu-west-1") == Texts{"abc"}));
    BOOST_TEST((secrets("https://h/x?push=/a?token=abc") == Texts{"/a?token=abc", "abc"}));
    BOOST_TEST(!secrets("s3://b?endpoint=https://kim:abc@h").empty());
    BOOST_TEST(!secrets("s3://b?region=ghp_0123456789abcdefghij").empty());
    for (const auto* plain :
         {"https://h/x", "https://h/x?trusted=1&compression=zstd", "https://h/x?push=/upload",
          "https://h/x?push=https://g/", "s3://b?endpoint=https%3A%2F%2Fh%3A9000&region=auto&profile=team&scheme=https",
          "attic://h/c?scheme=http"})
        BOOST_TEST(secrets(plain).empty(), plain);
}

BOOST_AUTO_TEST_SUITE_END()
