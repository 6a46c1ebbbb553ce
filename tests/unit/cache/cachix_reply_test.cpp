// What a server that answers as Cachix may say of a cache, and what it gets to hear for it.
#include "unit/cache/backends.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;

namespace {

constexpr const char* key_digits = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

struct Fixture {
    TemporaryDirectory temporary = TemporaryDirectory::make("cachefill-cachix-reply").value();
    std::string uri, key = std::string("demo-1:") + key_digits;
    bool is_public = true;
    HttpServer server{[this](const HttpRequest& request) {
        if (!request.path().ends_with("/cache/demo")) return HttpReply(404);
        return HttpReply(200, "{\"uri\":\"" + uri + "\",\"permission\":\"Read\",\"publicSigningKeys\":[\"" + key +
                                  "\"],\"isPublic\":" + (is_public ? "true}" : "false}"));
    }};

    DeskSettings settings() const {
        DeskSettings desk;
        desk.uri = "demo";
        desk.cachix_api = server.url();
        desk.spool = temporary.path() / "spool";
        desk.for_writing = false;
        return desk;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(cachix_reply, Fixture)

BOOST_AUTO_TEST_CASE(its_address_and_its_keys_are_words_that_can_stand_in_nix_conf) {
    uri = "https://demo.cachix.org";
    BOOST_TEST(try_open(settings()).has_value());
    for (const std::string bad : {R"(https://demo.cachix.org\npost-build-hook = /tmp/x)", "https://a.example b",
                                  "https://a.example/#x", R"(https://a.example/\"x)", "ftp://a.example", "demo",
                                  R"(https://a.example/\u001b]0;x)", "https://kim:secret@a.example"}) {
        uri = bad;
        auto opened = try_open(settings());
        BOOST_REQUIRE(!opened);
        BOOST_TEST(opened.error().one_line().find("address of the cache that is none") != std::string::npos,
                   opened.error().one_line());
        BOOST_TEST(opened.error().one_line().find('\x1b') == std::string::npos);
    }
    uri = "https://demo.cachix.org";
    for (const std::string bad : {R"(demo-1\npost-build-hook = /tmp/x\n#)", "demo 1", "demo#1", R"(demo\"1)"}) {
        key = bad + ":" + key_digits;
        auto opened = try_open(settings());
        BOOST_REQUIRE(!opened);
        BOOST_TEST(opened.error().one_line().find('\n') == std::string::npos, opened.error().one_line());
    }
}

BOOST_AUTO_TEST_CASE(the_token_of_a_private_cache_goes_nowhere_but_to_cachix) {
    is_public = false;
    auto with_token = settings();
    with_token.credentials.token = Secret("token-of-the-team");
    auto opens_with_note = [&](const std::string& address) {
        uri = address;
        auto opened = try_open(with_token);
        BOOST_REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().one_line()));
        return !opened->notes.empty();
    };
    BOOST_TEST(!opens_with_note(server.url() + "/c/demo"));
    for (const auto* elsewhere : {"http://cache.example", "https://cache.example", "https://demo.cachix.org"}) {
        BOOST_TEST(opens_with_note(elsewhere), elsewhere);
    }
    is_public = true;
    BOOST_TEST(!opens_with_note("https://cache.example"));
}

BOOST_AUTO_TEST_CASE(what_repeats_the_token_instead_of_an_answer_is_shown_without_it) {
    auto with_token = settings();
    with_token.credentials.token = Secret("token-of-the-team");
    key = "token-of-the-team";
    uri = "none, but token-of-the-team";
    auto opened = try_open(with_token);
    BOOST_REQUIRE(!opened);
    BOOST_TEST(render(opened.error()).find("token-of") == std::string::npos, render(opened.error()));
}

BOOST_AUTO_TEST_SUITE_END()
