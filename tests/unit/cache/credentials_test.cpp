#include "base/files.hpp"
#include "base/secret_variables.hpp"
#include "cache/binary_cache.hpp"
#include "cache/credentials.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace cachefill;
using cache::credentials_from;

namespace {

std::string new_key(const std::string& name) {
    return std::string(nix::SecretKey::generate(name).to_secret_text().reveal());
}

std::string bare(const std::string& key) { return key.substr(key.find(':') + 1); }

} // namespace

BOOST_AUTO_TEST_SUITE(credentials)

BOOST_AUTO_TEST_CASE(an_empty_environment_has_none) {
    auto found = credentials_from(Environment({{"CACHIX_AUTH_TOKEN", ""}, {"CACHIX_SIGNING_KEY", ""}}));
    BOOST_REQUIRE(found);
    BOOST_TEST(!found->token.has_value());
    BOOST_TEST(!found->signing_key.has_value());
}

BOOST_AUTO_TEST_CASE(token_and_both_spellings_of_a_key_are_read) {
    auto key = new_key("home-1");
    auto named = credentials_from(Environment({{"CACHIX_AUTH_TOKEN", " token\n"}, {"CACHEFILL_SIGNING_KEY", key}}));
    BOOST_REQUIRE(named);
    BOOST_TEST(named->token->reveal() == "token");
    BOOST_TEST(named->signing_key->name() == "home-1");
    auto unnamed = credentials_from(Environment({{"CACHIX_SIGNING_KEY", bare(key) + "\n"}}));
    BOOST_REQUIRE(unnamed);
    BOOST_TEST(unnamed->signing_key->name() == "");
    BOOST_TEST((unnamed->signing_key->public_key().bytes == named->signing_key->public_key().bytes));
}

BOOST_AUTO_TEST_CASE(a_key_file_is_read_and_our_own_variable_comes_first) {
    auto directory = TemporaryDirectory::make("credentials").value();
    auto file = directory.path() / "key";
    BOOST_REQUIRE(write_file_atomically(file, new_key("from-file-1") + "\n"));
    auto found = credentials_from(
        Environment({{"CACHEFILL_SIGNING_KEY_FILE", file.string()}, {"CACHIX_SIGNING_KEY", new_key("cachix-1")}}));
    BOOST_REQUIRE(found);
    BOOST_TEST(found->signing_key->name() == "from-file-1");
    auto direct = credentials_from(
        Environment({{"CACHEFILL_SIGNING_KEY_FILE", file.string()}, {"CACHEFILL_SIGNING_KEY", new_key("direct-1")}}));
    BOOST_REQUIRE(direct);
    BOOST_TEST(direct->signing_key->name() == "direct-1");
}

BOOST_AUTO_TEST_CASE(what_is_malformed_is_named_and_not_shown) {
    auto check = [](std::map<std::string, std::string> variables, const std::string& name, const std::string& secret) {
        auto found = credentials_from(Environment(std::move(variables)));
        BOOST_TEST_CONTEXT(name) {
            BOOST_REQUIRE(!found);
            BOOST_TEST((found.error().kind() == FailureKind::usage));
            BOOST_TEST(found.error().one_line().find(name) != std::string::npos, found.error().one_line());
            BOOST_TEST(found.error().one_line().find(secret) == std::string::npos, found.error().one_line());
        }
    };
    check({{"CACHIX_AUTH_TOKEN", "geheim zwei"}}, "CACHIX_AUTH_TOKEN", "geheim");
    check({{"CACHIX_SIGNING_KEY", "geheim"}}, "CACHIX_SIGNING_KEY", "geheim");
    auto truncated = new_key("home-1").substr(0, 60);
    check({{"CACHEFILL_SIGNING_KEY", truncated}}, "CACHEFILL_SIGNING_KEY", bare(truncated));
    check({{"CACHEFILL_SIGNING_KEY_FILE", "/no/such/file"}}, "CACHEFILL_SIGNING_KEY_FILE", "geheim");
    check({{"CACHEFILL_SIGNING_KEY_FILE", "/no/such/file"}}, "/no/such/file", "geheim");
}

BOOST_AUTO_TEST_CASE(a_cache_has_credentials_of_its_own_by_its_name) {
    auto name_for = [](const char* uri) {
        return cache::credential_name("CACHIX_AUTH_TOKEN", cache::CacheUri::parse(uri).value());
    };
    BOOST_TEST(name_for("alex-nixos") == "CACHIX_AUTH_TOKEN_ALEX_NIXOS");
    BOOST_TEST(name_for("https://cache.example.org/nix") == "CACHIX_AUTH_TOKEN_CACHE_EXAMPLE_ORG");
    BOOST_TEST(name_for("https://user:secret@example.org:8080") == "CACHIX_AUTH_TOKEN_EXAMPLE_ORG_8080");
    BOOST_TEST(name_for("file:///srv/mirror") == "CACHIX_AUTH_TOKEN_MIRROR");

    auto key = nix::SecretKey::generate("own-1");
    Environment environment;
    environment.set("CACHIX_AUTH_TOKEN", "first");
    environment.set("CACHIX_AUTH_TOKEN_MIRROR", "second");
    environment.set("CACHEFILL_SIGNING_KEY", std::string(key.to_secret_text().reveal()));
    auto first = cache::credentials_for(environment, cache::CacheUri::parse("team").value()).value();
    BOOST_TEST(first.token->reveal() == "first");
    BOOST_TEST(first.signing_key.has_value());
    auto second = cache::credentials_for(environment, cache::CacheUri::parse("mirror").value()).value();
    BOOST_TEST(second.token->reveal() == "second");
    BOOST_TEST(!second.signing_key.has_value()); // the first one's key does not fit
    auto children = environment.without_our_secrets();
    BOOST_TEST(!children.find("CACHIX_AUTH_TOKEN_MIRROR").has_value());
}

BOOST_AUTO_TEST_CASE(a_bearer_token_is_for_the_server_that_takes_the_uploads) {
    auto of = [](const std::map<std::string, std::string>& variables, const char* uri) {
        Environment environment;
        for (const auto& [name, value] : variables) environment.set(name, value);
        auto found = cache::credentials_for(environment, cache::CacheUri::parse(uri).value());
        BOOST_REQUIRE_MESSAGE(found.has_value(), (found ? "" : found.error().one_line()));
        auto text = [](const std::optional<Secret>& secret) { return secret ? std::string(secret->reveal()) : "-"; };
        return text(found->bearer) + " " + text(found->read_bearer);
    };
    BOOST_TEST(of({{"CACHEFILL_BEARER_TOKEN", "t\n"}}, "https://a.example/x") == "t t");
    BOOST_TEST(of({{"CACHEFILL_BEARER_TOKEN", "t"}, {"CACHEFILL_BEARER_TOKEN_A_EXAMPLE", "own"}},
                  "https://a.example") == "own own");
    BOOST_TEST(of({{"CACHEFILL_BEARER_TOKEN", "t"}}, "https://a.example?push=/upload") == "t t");
    BOOST_TEST(of({{"CACHEFILL_BEARER_TOKEN", "t"}}, "https://a.example?push=https://b.example") == "t -");
    BOOST_TEST(of({{"CACHEFILL_BEARER_TOKEN", "t"}}, "http://a.example?push=https://a.example") ==
               "t -"); // in the open
    BOOST_TEST(of({{"CACHEFILL_BEARER_TOKEN", "t"}, {"CACHEFILL_BEARER_TOKEN_A_EXAMPLE", "a"}},
                  "https://a.example?push=https://b.example") == "t a");
    BOOST_TEST(of({{"CACHEFILL_BEARER_TOKEN_B_EXAMPLE", "b"}}, "https://a.example?push=https://b.example") == "b -");
    Environment environment({{"CACHEFILL_BEARER_TOKEN", "t"}, {"CACHEFILL_BEARER_TOKEN_UP_EXAMPLE", "own"}});
    auto upstream = cache::credentials_to_read(environment, cache::CacheUri::parse("https://up.example").value());
    BOOST_REQUIRE(upstream);
    BOOST_TEST(upstream->read_bearer->reveal() == "own");
    auto other = cache::credentials_to_read(environment, cache::CacheUri::parse("https://other.example").value());
    BOOST_REQUIRE(other);
    BOOST_TEST(!other->read_bearer.has_value());
}

BOOST_AUTO_TEST_CASE(no_two_hosts_have_the_same_name) {
    auto name_for = [](const std::string& host) {
        auto uri = cache::CacheUri::parse("https://" + host).value();
        return cache::credential_name("CACHEFILL_BEARER_TOKEN", uri);
    };
    BOOST_TEST(name_for("nas-example.com") == "CACHEFILL_BEARER_TOKEN_NAS__EXAMPLE_COM");
    std::set<std::string> names;
    const std::vector<std::string> hosts{
        "nas.example.com",    "nas-example.com",    "nas_example.com",  "nas.example-com",  "nas-.example.com",
        "nas.-example.com",   "nas--example.com",   "nas-_example.com", "nas_-example.com", "file.example.com",
        "nas.example.com:80", "nas.example.com-80", "[fe80::1]:80",     "fe80-1-80"};
    for (const auto& host : hosts) names.insert(name_for(host));
    names.insert("CACHEFILL_BEARER_TOKEN_FILE_EXAMPLE_COM"); // the file for example.com
    BOOST_TEST(names.size() == hosts.size() + 1);
    for (const auto& name : names) BOOST_TEST(is_kept_from_children(name), name);
}

BOOST_AUTO_TEST_CASE(a_token_in_a_variable_that_fits_two_hosts_goes_to_the_one_with_dots) {
    Environment environment({{"CACHEFILL_BEARER_TOKEN_NAS_EXAMPLE_COM", std::string("token")}});
    auto dots = cache::credentials_for(environment, cache::CacheUri::parse("https://nas.example.com").value());
    BOOST_REQUIRE(dots);
    BOOST_TEST(dots->bearer->reveal() == "token");
    auto reading = cache::credentials_to_read(environment, cache::CacheUri::parse("https://nas-example.com").value());
    BOOST_REQUIRE(reading);
    BOOST_TEST(!reading->read_bearer);
    auto dash = cache::credentials_for(environment, cache::CacheUri::parse("https://nas-example.com").value());
    BOOST_REQUIRE(!dash);
    BOOST_TEST((dash.error().kind() == FailureKind::usage));
    BOOST_TEST(dash.error().hint().find("CACHEFILL_BEARER_TOKEN_NAS__EXAMPLE_COM") != std::string::npos);
    environment.set("CACHEFILL_BEARER_TOKEN_NAS__EXAMPLE_COM", "own");
    dash = cache::credentials_for(environment, cache::CacheUri::parse("https://nas-example.com").value());
    BOOST_REQUIRE(dash);
    BOOST_TEST(dash->bearer->reveal() == "own");
    // A key is not sent, so what it was called before does.
    environment.set("CACHEFILL_SIGNING_KEY_MY_NAS_EXAMPLE_COM", new_key("old-1"));
    auto signing = cache::credentials_for(environment, cache::CacheUri::parse("https://my-nas.example.com").value());
    BOOST_REQUIRE(signing);
    BOOST_TEST(signing->signing_key->name() == "old-1");
}

BOOST_AUTO_TEST_CASE(no_token_goes_over_plain_http_but_to_this_machine) {
    auto bearer = [](const std::map<std::string, std::string>& variables, const char* text) -> std::string {
        Environment environment(variables);
        auto uri = cache::CacheUri::parse(text).value();
        auto found = cache::credentials_for(environment, uri);
        if (!found) return std::string(to_string(found.error().kind())) + ": " + found.error().cause();
        if (auto why = cache::why_bearer_is_withheld(environment, uri, *found)) return "withheld: " + why->cause();
        auto reading = cache::credentials_to_read(environment, uri);
        bool reads = found->read_bearer && reading && reading->read_bearer;
        return (found->bearer ? std::string(found->bearer->reveal()) : "none") + (reads ? ", to read, too" : "");
    };
    const std::map<std::string, std::string> any{{"CACHEFILL_BEARER_TOKEN", "t"}};
    for (const auto* url : {"http://nas.lan:8080", "http://127.example", "http://localhost.example"})
        BOOST_TEST(bearer(any, url).starts_with("withheld: the token in CACHEFILL_BEARER_TOKEN would go to http://"),
                   bearer(any, url));
    for (const auto* url : {"http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1", "https://nas.lan"})
        BOOST_TEST(bearer(any, url) == "t", url);
    const std::map<std::string, std::string> own{{"CACHEFILL_BEARER_TOKEN_NAS_LAN", "own"},
                                                 {"CACHEFILL_BEARER_TOKEN_LOCALHOST_1", "own"}};
    BOOST_TEST(bearer(own, "http://nas.lan")
                   .find("usage: the token in CACHEFILL_BEARER_TOKEN_NAS_LAN would go to "
                         "http://nas.lan unencrypted") == 0U);
    BOOST_TEST(bearer(own, "http://localhost:1") == "own, to read, too");
    BOOST_TEST(bearer(own, "https://nas.lan") == "own, to read, too");
    BOOST_TEST(!cache::credentials_to_read(Environment(own), cache::CacheUri::parse("http://nas.lan").value()));
}

BOOST_AUTO_TEST_CASE(a_bearer_token_may_stand_in_a_file) {
    auto directory = TemporaryDirectory::make("cachefill-credentials").value();
    auto file = directory.path() / "token";
    BOOST_REQUIRE(write_file_atomically(file, "from-file\n", 0600));
    auto found = credentials_from(Environment({{"CACHEFILL_BEARER_TOKEN_FILE", file.string()}}));
    BOOST_REQUIRE(found);
    BOOST_TEST(found->bearer->reveal() == "from-file");
    BOOST_REQUIRE(write_file_atomically(file, "from-file\n", 0644)); // everybody could have read it
    found = credentials_from(Environment({{"CACHEFILL_BEARER_TOKEN_FILE", file.string()}}));
    BOOST_REQUIRE(!found);
    BOOST_TEST(found.error().hint().find("chmod go= ") != std::string::npos);
    BOOST_REQUIRE(write_file_atomically(file, "two words", 0600));
    found = credentials_from(Environment({{"CACHEFILL_BEARER_TOKEN_FILE", file.string()}}));
    BOOST_REQUIRE(!found);
    BOOST_TEST(found.error().one_line().find("words") == std::string::npos);
    found = credentials_from(Environment({{"CACHEFILL_BEARER_TOKEN_FILE", std::string("/no/such/file")}}));
    BOOST_REQUIRE(!found);
    BOOST_TEST(found.error().one_line().find("CACHEFILL_BEARER_TOKEN_FILE") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
