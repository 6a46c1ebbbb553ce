#include "base/files.hpp"
#include "cache/attic_configuration.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using cache::parse_attic_configuration;

BOOST_AUTO_TEST_SUITE(attic_configuration)

BOOST_AUTO_TEST_CASE(as_attic_writes_it) {
    auto read = parse_attic_configuration(R"(default-server = "nas"

[servers.nas]
endpoint = "https://nas.example.org:8080/"
token = "eyJ.x_y-z"

[servers.ci]
endpoint = "http://localhost:8080"
token-file = "/run/secrets/attic"
)");
    BOOST_REQUIRE(read);
    BOOST_TEST(read->default_server == "nas");
    BOOST_REQUIRE(read->servers.size() == 2U);
    BOOST_TEST(read->servers.at("nas").endpoint == "https://nas.example.org:8080/");
    BOOST_TEST(read->servers.at("nas").token.reveal() == "eyJ.x_y-z");
    BOOST_TEST(read->servers.at("ci").token_file == "/run/secrets/attic");
}

BOOST_AUTO_TEST_CASE(as_people_write_it) {
    auto read = parse_attic_configuration("# mine\r\n[ servers . 'my+nas' ] # NAS\r\nendpoint='http://a'  # x\r\n"
                                          "retries = 3\r\nsince = 2026-11-29T12:00:00Z\r\non = true\r\n"
                                          "[servers]\r\nci = { endpoint = \"http://b\", token = \"t\\\"\\\\\" }\r\n"
                                          "other.endpoint = \"http://c\"\r\nnone = {}");
    BOOST_REQUIRE_MESSAGE(read, (read ? "" : read.error().one_line()));
    BOOST_REQUIRE(read->servers.size() == 3U);
    BOOST_TEST(read->servers.at("my+nas").endpoint == "http://a");
    BOOST_TEST(read->servers.at("ci").token.reveal() == "t\"\\");
    BOOST_TEST(read->servers.at("other").endpoint == "http://c");
    BOOST_TEST(parse_attic_configuration("")->servers.empty());
    auto spelled = parse_attic_configuration("servers.x.token = \"\"\"\nto\\u006ben\"\"\"\nmore = [1, [\"x\"]]");
    BOOST_REQUIRE(spelled);
    BOOST_TEST(spelled->servers.at("x").token.reveal() == "token");
}

BOOST_AUTO_TEST_CASE(what_is_no_ascii_may_stand_in_strings_and_comments_alone) {
    auto read =
        parse_attic_configuration("\xEF\xBB\xBF# für den Speicher 'x\n[servers.\"größer\"] # ö\n"
                                  "endpoint = \"http://a/ü\\\"ä\"\ntoken = 'ß\\'\nmore = \"\"\"\nä\n\"ö\"\n\"\"\"\n"
                                  "last = '''\nä'ö\n'''\n");
    BOOST_REQUIRE_MESSAGE(read, (read ? "" : read.error().one_line()));
    BOOST_TEST(read->servers.at("größer").endpoint == "http://a/ü\"ä");
    BOOST_TEST(read->servers.at("größer").token.reveal() == "ß\\");
    auto refused = parse_attic_configuration("# ä\nx = 'ö'\né = 1\n");
    BOOST_REQUIRE(!refused);
    BOOST_TEST(refused.error().cause() == "line 3 is not as attic writes it");
    BOOST_TEST(parse_attic_configuration("x = 'open\né = 1\n").error().cause() == "line 2 is not as attic writes it");
}

BOOST_AUTO_TEST_CASE(anything_else_is_named_by_its_line_and_not_shown) {
    for (const auto* text : {"geheim", "token = geheim geheim", "token = \"geheim", "token = \"\"\"geheim\"\"",
                             "[[servers]]\nx = \"geheim\"", "[servers.x\ntoken = \"geheim\"",
                             "[servers.x]\ntoken = [\"geheim\"]", "servers.x.token = 4711", "servers.x = \"geheim\"",
                             "servers = \"geheim\"", "default-server = { geheim = \"x\" }", "token = \"geheim\\z\"",
                             "servers.x.token = \"geheim\"\nservers.x.token = \"geheim\"", "= \"geheim\"",
                             "a = \"b\" c = \"geheim\"", "a = { b = \"geheim\""}) {
        auto read = parse_attic_configuration(text);
        BOOST_REQUIRE_MESSAGE(!read, text);
        BOOST_TEST(render(read.error()).find("geheim") == std::string::npos);
        BOOST_TEST(read.error().cause().find("is not as attic writes it") != std::string::npos);
    }
    auto later = parse_attic_configuration("[servers.x]\nendpoint = \"e\"\ntoken = \n");
    BOOST_REQUIRE(!later);
    BOOST_TEST(later.error().cause().find("line 3") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(where_it_lies) {
    Environment environment;
    environment.set("HOME", "/h");
    BOOST_TEST(cache::attic_configuration_file(environment) == "/h/.config/attic/config.toml");
    environment.set("XDG_CONFIG_HOME", "/x");
    BOOST_TEST(cache::attic_configuration_file(environment) == "/x/attic/config.toml");
    environment.set("GITHUB_ACTIONS", "true");
    BOOST_TEST(cache::attic_configuration_file(environment).empty());
}

BOOST_AUTO_TEST_CASE(its_file_and_what_it_names_for_tokens_are_secret_files) {
    auto home = TemporaryDirectory::make("cachefill-attic-files").value();
    Environment environment(std::map<std::string, std::string>{{"HOME", home.path().string()}});
    const auto own = home.path() / ".config/attic/config.toml";
    std::filesystem::create_directories(own.parent_path());
    auto files_with = [&](const std::string& text) {
        BOOST_REQUIRE(write_file_atomically(own, text));
        return cache::attic_secret_files(environment);
    };
    using Files = std::vector<std::filesystem::path>;
    BOOST_TEST((cache::attic_secret_files(environment) == Files{own}));
    auto files = files_with("[servers.a]\nendpoint = \"https://a.example\"\ntoken-file = \"/run/a\"\n"
                            "[servers.b]\nendpoint = \"https://b.example\"\ntoken-file = \"/run/b\"\n");
    BOOST_TEST((files == Files{own, "/run/a", "/run/b"}));
    BOOST_TEST((files_with("no TOML") == Files{own}));
    BOOST_TEST(cache::attic_secret_files(Environment()).empty());
}

BOOST_AUTO_TEST_SUITE_END()
