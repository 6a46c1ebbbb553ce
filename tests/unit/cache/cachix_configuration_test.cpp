#include "cache/cachix_configuration.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using cache::parse_cachix_configuration;

BOOST_AUTO_TEST_SUITE(cachix_configuration)

BOOST_AUTO_TEST_CASE(as_cachix_writes_it) {
    auto read = parse_cachix_configuration(R"({ authToken =
    "eyJhbGciOiJIUzI1NiJ9.e30.x_y-z"
, hostname = "https://cachix.org"
, binaryCaches =
    [ { name = "team", secretKey = "abc+/=" }
    , { name =
          "other"
      , secretKey = "def"
      }
    ]
}
)");
    BOOST_REQUIRE(read);
    BOOST_TEST(read->token.reveal() == "eyJhbGciOiJIUzI1NiJ9.e30.x_y-z");
    BOOST_TEST(read->server == "https://cachix.org");
    BOOST_REQUIRE(read->secret_keys.size() == 2U);
    BOOST_TEST(read->secret_keys.at("team").reveal() == "abc+/=");
    BOOST_TEST(read->secret_keys.at("other").reveal() == "def");
}

BOOST_AUTO_TEST_CASE(without_caches_and_of_older_versions) {
    for (const auto* text : {"{ authToken = \"t\", binaryCaches = [] : List { name : Text, secretKey : Text } }",
                             "-- by hand\n{ , authToken = \"t\" }\n", "{ authToken = \"t\", binaryCaches = [] }"}) {
        auto read = parse_cachix_configuration(text);
        BOOST_REQUIRE_MESSAGE(read, text);
        BOOST_TEST(read->token.reveal() == "t");
        BOOST_TEST(read->secret_keys.empty());
        BOOST_TEST(read->server == "");
    }
    BOOST_TEST(parse_cachix_configuration(R"({ authToken = "a\"b\\c\$" })")->token.reveal() == "a\"b\\c$");
}

BOOST_AUTO_TEST_CASE(anything_else_is_named_by_its_line_and_not_shown) {
    for (const auto* text :
         {"", "geheim", "{ authToken = env:geheim }", "{ authToken = \"${geheim}\" }", "{ authToken = \"geheim",
          "let t = \"geheim\" in { authToken = t }", "{ authToken = \"geheim\" } // { x = \"y\" }",
          "{ authToken = \"geheim\\u0041\" }", "{ authToken = ''geheim'' }", "{ binaryCaches = [ \"geheim\" ] }",
          "{ authToken = \"geheim\\"}) {
        auto read = parse_cachix_configuration(text);
        BOOST_REQUIRE_MESSAGE(!read, text);
        BOOST_TEST(render(read.error()).find("geheim") == std::string::npos);
        BOOST_TEST(read.error().cause().find("line 1 is not as cachix writes it") != std::string::npos);
    }
    auto later = parse_cachix_configuration("{ authToken =\n\"t\"\n, binaryCaches = x }");
    BOOST_TEST(later.error().cause().find("line 3") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(where_it_lies) {
    Environment environment;
    environment.set("HOME", "/h");
    BOOST_TEST(cache::cachix_configuration_file(environment) == "/h/.config/cachix/cachix.dhall");
    environment.set("XDG_CONFIG_HOME", "/c");
    BOOST_TEST(cache::cachix_configuration_file(environment) == "/c/cachix/cachix.dhall");
    BOOST_TEST(cache::cachix_configuration_file(Environment()) == "");
}

BOOST_AUTO_TEST_SUITE_END()
