#include "base/files.hpp"
#include "cache/credentials.hpp"
#include "cache/token_store.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>
#include <unistd.h>

using namespace cachefill;
namespace fs = std::filesystem;
using cache::find_stored_token;
using cache::store_token;

namespace {

constexpr const char* variable = "CACHIX_AUTH_TOKEN_TEAM";

struct Home {
    TemporaryDirectory directory = TemporaryDirectory::make("tokens").value();
    Environment environment{{{"HOME", directory.path().string()}}};
    fs::path tokens = directory.path() / ".config/cachefill/tokens";

    void write(const fs::path& below, const std::string& text, unsigned mode = 0600) const {
        auto file = directory.path() / below;
        BOOST_REQUIRE(cachefill::create_directories(file.parent_path()));
        BOOST_REQUIRE(write_file_atomically(file, text, mode));
        BOOST_REQUIRE(::chmod(file.c_str(), mode) == 0);
    }
};

unsigned mode_of(const fs::path& path) {
    struct stat status {};
    BOOST_REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

cache::Credentials found_for(const Environment& environment, const std::string& cache) {
    return cache::credentials_for(environment, cache::CacheUri::parse(cache).value()).value();
}

} // namespace

BOOST_AUTO_TEST_SUITE(token_store)

BOOST_AUTO_TEST_CASE(what_is_stored_is_found_and_nobody_else_may_look) {
    Home home;
    BOOST_TEST(!find_stored_token(home.environment, variable).value().has_value());
    auto file = store_token(home.environment, variable, Secret("geheim")).value();
    BOOST_TEST(file == home.tokens / variable);
    BOOST_TEST(mode_of(file) == 0600U);
    BOOST_TEST(mode_of(home.tokens) == 0700U);
    auto found = find_stored_token(home.environment, variable).value();
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST(found->token.reveal() == "geheim");
    BOOST_TEST(found->source.find(file.string()) != std::string::npos);
    BOOST_REQUIRE(store_token(home.environment, variable, Secret("neu")));
    BOOST_TEST(find_stored_token(home.environment, variable).value()->token.reveal() == "neu");
    BOOST_TEST(cache::forget_token(home.environment, variable).value());
    BOOST_TEST(!cache::forget_token(home.environment, variable).value());
    BOOST_TEST(!find_stored_token(home.environment, variable).value().has_value());
}

BOOST_AUTO_TEST_CASE(a_file_that_others_may_read_or_a_link_is_not_taken) {
    Home home;
    auto file = store_token(home.environment, variable, Secret("geheim")).value();
    ::chmod(file.c_str(), 0640);
    auto found = find_stored_token(home.environment, variable);
    BOOST_REQUIRE(!found);
    BOOST_TEST(found.error().hint().find("chmod") != std::string::npos);
    ::chmod(file.c_str(), 0600);
    fs::rename(file, home.directory.path() / "elsewhere");
    fs::create_symlink(home.directory.path() / "elsewhere", file);
    found = find_stored_token(home.environment, variable);
    BOOST_REQUIRE(!found);
    BOOST_TEST(found.error().cause().find("link") != std::string::npos);
    // Storing replaces the link and leaves alone what it led to.
    BOOST_REQUIRE(store_token(home.environment, variable, Secret("neu")));
    BOOST_TEST(!fs::is_symlink(file));
    BOOST_TEST(read_file(home.directory.path() / "elsewhere").value() == "geheim\n");
}

BOOST_AUTO_TEST_CASE(a_named_file_is_taken_if_nobody_else_could_have_written_it) {
    Home home;
    auto file = home.directory.path() / "named";
    auto taken = [&](cache::SecretKind kind, unsigned mode) {
        home.write("named", "geheim", mode);
        auto read = cache::read_named_secret(file, kind);
        if (!read) BOOST_TEST(read.error().one_line().find("geheim") == std::string::npos);
        return read.has_value();
    };
    using cache::SecretKind;
    for (unsigned mode : {0600U, 0400U, 0440U, 0640U}) BOOST_TEST(taken(SecretKind::token, mode), mode);
    for (unsigned mode : {0644U, 0604U, 0620U, 0666U, 0602U}) BOOST_TEST(!taken(SecretKind::token, mode), mode);
    for (unsigned mode : {0600U, 0644U, 0444U}) BOOST_TEST(taken(SecretKind::signing_key, mode), mode);
    for (unsigned mode : {0664U, 0666U, 0622U}) BOOST_TEST(!taken(SecretKind::signing_key, mode), mode);
    if (::geteuid() == 0) {
        home.write("named", "geheim", 0600);
        BOOST_REQUIRE(::chown(file.c_str(), 1234, 1234) == 0);
        for (auto kind : {SecretKind::token, SecretKind::signing_key}) {
            auto read = cache::read_named_secret(file, kind);
            BOOST_REQUIRE(!read.has_value());
            BOOST_TEST(read.error().one_line().find("1234") != std::string::npos);
        }
    }
    BOOST_TEST(!cache::read_named_secret(home.directory.path() / "absent", SecretKind::token).has_value());
    BOOST_TEST(!cache::read_named_secret(home.directory.path(), SecretKind::token).has_value());
}

BOOST_AUTO_TEST_CASE(a_named_secret_may_come_through_a_pipe) {
    int ends[2];
    BOOST_REQUIRE(::pipe(ends) == 0);
    FileDescriptor reading(ends[0]), writing(ends[1]);
    BOOST_REQUIRE(::write(writing.get(), "geheim", 6) == 6);
    writing.close();
    auto name = "/dev/fd/" + std::to_string(reading.get());
    BOOST_TEST(cache::read_named_secret(name, cache::SecretKind::token).value() == "geheim");
}

BOOST_AUTO_TEST_CASE(nothing_is_stored_where_others_may_look_or_behind_a_link) {
    Home home;
    fs::create_directories(home.tokens);
    ::chmod(home.tokens.c_str(), 0755);
    BOOST_TEST(!store_token(home.environment, variable, Secret("geheim")));
    fs::remove(home.tokens);
    fs::create_directory(home.directory.path() / "elsewhere");
    fs::create_directory_symlink(home.directory.path() / "elsewhere", home.tokens);
    BOOST_TEST(!store_token(home.environment, variable, Secret("geheim")));
    BOOST_TEST(fs::is_empty(home.directory.path() / "elsewhere"));
}

BOOST_AUTO_TEST_CASE(nothing_of_root_is_kept_in_the_home_of_a_user) {
    if (::geteuid() != 0) return;
    Home home;
    BOOST_REQUIRE(::chown(home.directory.path().c_str(), 12345, 12345) == 0);
    auto stored = store_token(home.environment, variable, Secret("geheim"));
    BOOST_REQUIRE(!stored);
    BOOST_TEST(stored.error().cause().find("12345") != std::string::npos);
    BOOST_REQUIRE(::chown(home.directory.path().c_str(), 0, 0) == 0);
    auto file = store_token(home.environment, variable, Secret("geheim")).value();
    BOOST_REQUIRE(::chown(file.c_str(), 12345, 12345) == 0);
    BOOST_TEST(!find_stored_token(home.environment, variable));
}

BOOST_AUTO_TEST_CASE(what_is_no_word_is_no_token_and_is_not_shown) {
    for (const auto* text : {"two words", "zeile\nzweite", "wört"}) {
        auto parsed = cache::parse_token(text, "what was given");
        BOOST_REQUIRE(!parsed);
        BOOST_TEST(render(parsed.error()).find(text) == std::string::npos);
    }
    BOOST_TEST(cache::parse_token(" wort\n", "what was given")->reveal() == "wort");
}

BOOST_AUTO_TEST_CASE(the_order_in_which_a_token_of_cachix_is_looked_for) {
    Home home;
    home.write(".netrc", "machine team.cachix.org password of-netrc\n");
    BOOST_TEST(found_for(home.environment, "team").token->reveal() == "of-netrc");
    BOOST_TEST(!found_for(home.environment, "other").token.has_value());
    home.write(".config/cachix/cachix.dhall", "{ authToken = \"of-cachix\", binaryCaches = [] : List {} }");
    BOOST_TEST(found_for(home.environment, "team").token->reveal() == "of-cachix");
    BOOST_REQUIRE(store_token(home.environment, variable, Secret("stored")));
    auto stored = found_for(home.environment, "team");
    BOOST_TEST(stored.token->reveal() == "stored");
    BOOST_TEST(stored.token_source.find("tokens/CACHIX_AUTH_TOKEN_TEAM") != std::string::npos);
    BOOST_TEST(found_for(home.environment, "other").token->reveal() == "of-cachix");
    home.environment.set("CACHIX_AUTH_TOKEN", "of-all");
    BOOST_TEST(found_for(home.environment, "team").token->reveal() == "of-all");
    home.environment.set(variable, "of-team");
    auto own = found_for(home.environment, "team");
    BOOST_TEST(own.token->reveal() == "of-team");
    BOOST_TEST(own.token_source == variable);
}

BOOST_AUTO_TEST_CASE(a_step_of_github_goes_by_what_it_was_handed) {
    Home home;
    BOOST_REQUIRE(store_token(home.environment, variable, Secret("stored")));
    home.environment.set("GITHUB_ACTIONS", "true");
    BOOST_TEST(!found_for(home.environment, "team").token.has_value());
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_used_is_told_and_no_failure) {
    Home home;
    home.write(".config/cachix/cachix.dhall", "{ authToken = \"geheim\" }", 0644);
    auto open = found_for(home.environment, "team");
    BOOST_TEST(!open.token.has_value());
    BOOST_REQUIRE(open.passed_over.size() == 1U);
    BOOST_TEST(open.passed_over[0].find("cachix.dhall") != std::string::npos);
    home.write(".config/cachix/cachix.dhall", "{ authToken = env:TOKEN }");
    BOOST_TEST(found_for(home.environment, "team").passed_over.at(0).find("line 1") != std::string::npos);
    // A token goes to the server it is of.
    home.write(".config/cachix/cachix.dhall", "{ authToken = \"geheim\", hostname = \"https://cachix.example\" }");
    auto foreign = found_for(home.environment, "team");
    BOOST_TEST(!foreign.token.has_value());
    BOOST_TEST(foreign.passed_over.at(0).find("https://cachix.example") != std::string::npos);
    home.environment.set("CACHEFILL_CACHIX_API", "https://cachix.example/");
    BOOST_TEST(found_for(home.environment, "team").token->reveal() == "geheim");
}

BOOST_AUTO_TEST_CASE(the_signing_key_that_cachix_keeps_is_of_one_cache) {
    Home home;
    auto key = nix::SecretKey::generate("").to_secret_text();
    auto bare = std::string(key.reveal().substr(key.reveal().find(':') + 1));
    home.write(".config/cachix/cachix.dhall",
               "{ authToken = \"geheim\", binaryCaches = [ { name = \"team\", secretKey = \"" + bare + "\" } ] }");
    auto team = found_for(home.environment, "team");
    BOOST_TEST(team.signing_key.has_value());
    BOOST_TEST(team.key_is_a_guess);
    BOOST_TEST(!found_for(home.environment, "other").signing_key.has_value());
}

BOOST_AUTO_TEST_CASE(a_plain_cache_gets_the_token_of_its_host_and_no_other) {
    Home home;
    auto name = cache::token_name(cache::CacheUri::parse("https://my-nas.example/x").value()).value();
    BOOST_TEST(name == "CACHEFILL_BEARER_TOKEN_MY__NAS_EXAMPLE");
    BOOST_REQUIRE(store_token(home.environment, name, Secret("geheim")));
    BOOST_TEST(found_for(home.environment, "https://my-nas.example/y").bearer->reveal() == "geheim");
    BOOST_TEST(found_for(home.environment, "https://my-nas.example/y").read_bearer->reveal() == "geheim");
    BOOST_TEST(!found_for(home.environment, "https://my.nas.example").bearer.has_value());
    // Never unencrypted, and it is said why.
    auto open = found_for(home.environment, "http://my-nas.example");
    BOOST_TEST(!open.bearer.has_value());
    BOOST_TEST(open.passed_over.size() == 1U);
    BOOST_TEST(!cache::token_name(cache::CacheUri::parse("http://my-nas.example").value()));
    BOOST_TEST(!cache::token_name(cache::CacheUri::parse("file:///srv/cache").value()));
    auto reading =
        cache::credentials_to_read(home.environment, cache::CacheUri::parse("https://my-nas.example").value()).value();
    BOOST_TEST(reading.read_bearer->reveal() == "geheim");
}

BOOST_AUTO_TEST_SUITE_END()
