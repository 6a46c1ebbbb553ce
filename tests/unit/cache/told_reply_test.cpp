#include "cache/told_reply.hpp"
#include "codec/hash.hpp"
#include "http/url.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace cachefill;
using cache::HashedPaths;
using Hashes = std::vector<std::string>;

namespace {

http::Response answer(int status, std::string body) {
    http::Response response;
    response.status = status;
    response.body = std::move(body);
    response.effective_url = "https://kim:pass@example.org/api";
    return response;
}

nix::StorePath path(const std::string& name) {
    auto digest = codec::hash_bytes(codec::HashAlgorithm::sha256, name).to_nix32();
    return nix::StorePath::parse_base_name(digest.substr(0, nix::hash_part_length) + "-" + name).value();
}
std::string hash(const std::string& name) { return std::string(path(name).hash_part()); }

} // namespace

BOOST_AUTO_TEST_SUITE(told_reply)

BOOST_AUTO_TEST_CASE(paths_are_asked_about_once_and_named_by_their_hashes) {
    HashedPaths asked({path("b"), path("a"), path("b")});
    BOOST_TEST(asked.hashes() == (Hashes{hash("b"), hash("a")}));
    auto named = std::move(asked).named_in({hash("a")}, "nas");
    BOOST_TEST_REQUIRE(named.has_value());
    BOOST_TEST((*named == std::vector<nix::StorePath>{path("a")}));
    BOOST_TEST(HashedPaths({}).hashes().empty());
}

BOOST_AUTO_TEST_CASE(an_answer_about_something_else_is_no_answer) {
    for (const auto& wrong : {Hashes{hash("c")}, Hashes{hash("a"), hash("a")}, Hashes{""}}) {
        auto named = HashedPaths({path("a"), path("b")}).named_in(wrong, "nas");
        BOOST_TEST_REQUIRE(!named.has_value());
        BOOST_TEST(named.error().one_line() == "nas misses a path that was not asked for");
        BOOST_TEST((named.error().kind() == FailureKind::protocol));
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_object_is_shown_with_its_status_and_without_logins) {
    auto object = cache::read_object(answer(200, R"({"a": 1})"), "why?");
    BOOST_TEST_REQUIRE(object.has_value());
    BOOST_TEST((*object)["a"] == 1);
    for (const auto* body : {"", "[1]", "{", "null"}) {
        auto nonsense = cache::read_object(answer(204, body), "why?");
        BOOST_TEST_REQUIRE(!nonsense.has_value());
        auto said = nonsense.error().one_line();
        BOOST_TEST(said.find("answered something else than a JSON object with 204 No Content: '") != said.npos, said);
        BOOST_TEST(said.find("pass") == said.npos);
        BOOST_TEST(nonsense.error().hint() == "why?");
    }
    for (const auto& start : {std::string(), std::string("x"), std::string(40, 'x') + " "}) {
        auto told =
            cache::read_object(answer(200, start + "https://kim:urlpw-urlpw-urlpw@x.example/t?token=urltok"), "");
        BOOST_TEST(told.error().one_line().find("urlpw") == std::string::npos, told.error().one_line());
        BOOST_TEST(told.error().one_line().find("urltok") == std::string::npos, told.error().one_line());
    }
    auto page = cache::read_object(answer(200, "<html>"), "why?");
    BOOST_TEST(page.error().one_line().find("answered HTML instead of JSON") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(addresses_for_a_configuration_are_plain) {
    BOOST_TEST(cache::plain_address("https://nas.example.org/team//").value_or("") == "https://nas.example.org/team");
    for (const auto* bad :
         {"", "nas", "ftp://x", "https://kim:pass@x", "https://x/a b", "https://x/\"", "https://x/#a"})
        BOOST_TEST(!cache::plain_address(bad).has_value(), bad);
    BOOST_TEST(http::without_slash_at_end("https://x///") == "https://x");
    BOOST_TEST(http::without_slash_at_end("") == "");
}

BOOST_AUTO_TEST_SUITE_END()
