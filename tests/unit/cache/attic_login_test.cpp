#include "base/files.hpp"
#include "cache/attic_login.hpp"
#include "cache/credentials.hpp"
#include "cache/token_store.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using cache::CacheUri;

namespace {

// A home with what attic's client keeps there.
struct Home {
    Home() {
        environment.set("HOME", directory.path().string());
        write(R"(default-server = "nas"
[servers.nas]
endpoint = "https://nas.example.org/"
token = "of-nas"
[servers.tailnet]
endpoint = "http://100.64.0.7:8080"
token = "of-tailnet"
)");
    }
    void write(const std::string& text) {
        auto file = directory.path() / ".config/attic/config.toml";
        std::filesystem::create_directories(file.parent_path());
        write_file_atomically(file, text, 0600).has_value();
    }
    Result<cache::AtticLogin> find(const std::string& text) const {
        auto uri = CacheUri::parse(text).value();
        auto found = cache::credentials_for(environment, uri);
        if (!found) return std::move(found).error();
        return std::move(found->attic);
    }
    std::string token(const std::string& text) const {
        auto login = find(text);
        BOOST_REQUIRE_MESSAGE(login.has_value(), (login ? "" : login.error().one_line()));
        return login->token ? std::string(login->token->reveal()) : "none";
    }

    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-attic-login").value();
    Environment environment;
};

} // namespace

BOOST_AUTO_TEST_SUITE(attic_login)

BOOST_FIXTURE_TEST_CASE(a_server_is_found_by_its_name_and_by_being_the_default, Home) {
    BOOST_TEST(find("attic://team")->endpoint == "https://nas.example.org");
    BOOST_TEST(token("attic://nas/team") == "of-nas");
    BOOST_TEST(find("attic://tailnet/team")->endpoint == "http://100.64.0.7:8080");
    // By the same endpoint, too.
    BOOST_TEST(token("attic://nas.example.org/team") == "of-nas");
    BOOST_TEST(token("attic://nas.example.org/prefix/team") == "none");
    write("[servers.only]\nendpoint = \"https://only.example.org\"\n");
    BOOST_TEST(find("attic://team")->endpoint == "https://only.example.org");
}

BOOST_FIXTURE_TEST_CASE(what_is_not_there_is_told_with_what_is, Home) {
    auto unknown = find("attic://nowhere/team");
    BOOST_REQUIRE(!unknown);
    BOOST_TEST((unknown.error().kind() == FailureKind::usage));
    BOOST_TEST(unknown.error().cause().find("no server 'nowhere'; it has: nas, tailnet") != std::string::npos);
    write("[servers.a]\nendpoint = \"https://a.b\"\n[servers.b]\nendpoint = \"ssh://b\"\n");
    BOOST_TEST(find("attic://team").error().cause().find("no default-server") != std::string::npos);
    BOOST_TEST(find("attic://b/team").error().cause().find("no address of a server") != std::string::npos);
    write("[servers.a\n");
    BOOST_TEST(find("attic://a/team").error().one_line().find("line 1") != std::string::npos);
    environment.set("GITHUB_ACTIONS", "true");
    BOOST_TEST(find("attic://nas/team").error().cause().find("not looked at here") != std::string::npos);
    BOOST_TEST(find("attic://nas.example.org/team")->endpoint == "https://nas.example.org");
}

BOOST_FIXTURE_TEST_CASE(the_first_token_counts, Home) {
    auto uri = CacheUri::parse("attic://nas/team").value();
    cache::store_token(environment, cache::token_name(uri).value(), Secret("stored")).has_value();
    BOOST_TEST(token("attic://nas/team") == "stored");
    BOOST_TEST(find("attic://nas/team")->source.find("tokens/ATTIC_TOKEN_NAS") != std::string::npos);
    environment.set("ATTIC_TOKEN", "for-all");
    BOOST_TEST(token("attic://nas/team") == "for-all");
    environment.set("ATTIC_TOKEN_NAS", "for-nas");
    BOOST_TEST(token("attic://nas/team") == "for-nas");
    BOOST_TEST(find("attic://nas/team")->source == "ATTIC_TOKEN_NAS");
    auto file = directory.path() / "token";
    write_file_atomically(file, "from-file\n", 0600).has_value();
    environment.unset("ATTIC_TOKEN_NAS");
    environment.set("ATTIC_TOKEN_FILE_NAS", file.string());
    BOOST_TEST(token("attic://nas/team") == "from-file");
    // Of a cache that is only read nothing but what is meant for it.
    environment.unset("ATTIC_TOKEN_FILE_NAS");
    auto reading = cache::credentials_to_read(environment, CacheUri::parse("attic://a.example.org/team").value());
    BOOST_REQUIRE(reading.has_value());
    BOOST_TEST(!reading->attic.token.has_value());
}

BOOST_FIXTURE_TEST_CASE(names_of_variables, Home) {
    auto name = [](const char* text) { return cache::token_name(CacheUri::parse(text).value()).value(); };
    BOOST_TEST(name("attic://team") == "ATTIC_TOKEN_TEAM");
    BOOST_TEST(name("attic://my-nas/team") == "ATTIC_TOKEN_MY_NAS");
    BOOST_TEST(name("attic://file/team") == "ATTIC_TOKEN__FILE");
    BOOST_TEST(name("attic://my-nas.example.org:8080/p/team") == "ATTIC_TOKEN_MY__NAS_EXAMPLE_ORG_8080");
}

BOOST_FIXTURE_TEST_CASE(over_plain_http_goes_only_what_stands_beside_the_address, Home) {
    BOOST_TEST(token("attic://tailnet/team") == "of-tailnet");
    BOOST_TEST(find("attic://tailnet/team")->is_of_endpoint);
    environment.set("ATTIC_TOKEN", "geheim");
    auto login = find("attic://tailnet/team");
    BOOST_TEST(login->token->reveal() == "of-tailnet");
    BOOST_REQUIRE(login->passed_over.size() == 1U);
    BOOST_TEST(login->passed_over[0].find("unencrypted, and is not sent") != std::string::npos);
    BOOST_TEST(login->passed_over[0].find("geheim") == std::string::npos);
    BOOST_TEST(token("attic://localhost:1/team?scheme=http") == "geheim");
}

BOOST_FIXTURE_TEST_CASE(a_token_file_of_attic_is_read, Home) {
    auto file = directory.path() / "sops";
    write_file_atomically(file, "from-sops\n", 0600).has_value();
    write("[servers.a]\nendpoint = \"https://a.b\"\ntoken-file = \"" + file.string() + "\"\n");
    BOOST_TEST(token("attic://a/team") == "from-sops");
    std::filesystem::remove(file);
    auto missing = find("attic://a/team");
    BOOST_REQUIRE(missing->passed_over.size() == 1U);
    BOOST_TEST(missing->passed_over[0].find("token-file") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
