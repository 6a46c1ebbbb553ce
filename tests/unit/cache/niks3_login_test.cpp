#include "base/files.hpp"
#include "cache/credentials.hpp"
#include "cache/token_store.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::cache;

namespace {

struct Fixture {
    Fixture() { environment.set("HOME", directory.path().string()); }
    Niks3Login login(const std::string& uri = "niks3://cache.example.org") const {
        return credentials_for(environment, CacheUri::parse(uri).value()).value().niks3;
    }
    std::string token(const std::string& uri = "niks3://cache.example.org") const {
        auto found = login(uri);
        return found.token ? std::string(found.token->reveal()) : std::string();
    }
    void leave(const std::string& name, const std::string& text) const {
        auto file = directory.path() / name;
        std::filesystem::create_directories(file.parent_path());
        BOOST_REQUIRE(write_file_atomically(file, text, 0600));
    }

    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-niks3-login").value();
    Environment environment;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(niks3_login, Fixture)

BOOST_AUTO_TEST_CASE(the_token_is_looked_for_in_order) {
    BOOST_TEST(login().is_empty());
    environment.set("ACTIONS_ID_TOKEN_REQUEST_URL", "https://token.example/x");
    environment.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "step");
    BOOST_TEST(!login().is_empty());
    BOOST_TEST(login().request_url == "https://token.example/x");
    leave(".config/niks3/auth-token", "of-niks3\n");
    BOOST_TEST(token() == "of-niks3");
    BOOST_TEST(login().request_url.empty());
    BOOST_REQUIRE(store_token(environment, "NIKS3_AUTH_TOKEN_CACHE_EXAMPLE_ORG", Secret("stored")));
    BOOST_TEST(token() == "stored");
    leave("token", "in-a-file\n");
    environment.set("NIKS3_AUTH_TOKEN_FILE", (directory.path() / "token").string());
    BOOST_TEST(token() == "in-a-file");
    environment.set("NIKS3_AUTH_TOKEN", "of-all");
    BOOST_TEST(token() == "of-all");
    environment.set("NIKS3_AUTH_TOKEN_CACHE_EXAMPLE_ORG", "of-this");
    BOOST_TEST(token() == "of-this");
    BOOST_TEST(login().source == "NIKS3_AUTH_TOKEN_CACHE_EXAMPLE_ORG");
    BOOST_TEST(token("niks3://other.example.org") == "of-all");
}

BOOST_AUTO_TEST_CASE(what_is_for_another_server_stays_away_from_this_one) {
    environment.set("NIKS3_SERVER_URL", "https://other.example.org");
    environment.set("NIKS3_AUTH_TOKEN", "of-other");
    BOOST_TEST(token().empty());
    BOOST_TEST(login().passed_over.size() == 1U);
    BOOST_TEST(token("niks3://other.example.org") == "of-other");
}

BOOST_AUTO_TEST_CASE(no_token_goes_over_plain_http_but_to_this_machine) {
    environment.set("NIKS3_AUTH_TOKEN", "geheim");
    environment.set("ACTIONS_ID_TOKEN_REQUEST_URL", "https://token.example/x");
    environment.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "step");
    auto found = login("niks3://cache.example.org?scheme=http");
    BOOST_TEST(found.is_empty());
    BOOST_REQUIRE(found.passed_over.size() == 2U);
    BOOST_TEST(found.passed_over[0].find("unencrypted") != std::string::npos);
    BOOST_TEST(found.passed_over[0].find("geheim") == std::string::npos);
    BOOST_TEST(token("niks3://localhost:5751?scheme=http") == "geheim");
}

BOOST_AUTO_TEST_CASE(who_only_reads_shows_no_token) {
    environment.set("NIKS3_AUTH_TOKEN", "geheim");
    auto uri = CacheUri::parse("niks3://cache.example.org").value();
    BOOST_TEST(credentials_to_read(environment, uri).value().niks3.is_empty());
}

BOOST_AUTO_TEST_SUITE_END()
