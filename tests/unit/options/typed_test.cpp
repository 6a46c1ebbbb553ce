#include "options/command_line.hpp"
#include "options/typed.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace cachefill;
using namespace cachefill::options;

BOOST_AUTO_TEST_SUITE(typed_commands)

namespace {

using Words = std::vector<std::string>;

Typed typed(const std::vector<std::string>& words) {
    Environment environment({{"NH_FLAKE", std::string("/fleet")}});
    auto parsed = parse_command_line(words, environment);
    if (!parsed) BOOST_FAIL(parsed.error().one_line());
    return std::get<Invocation>(*parsed).settings.typed;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_command_is_repeated_as_it_was_typed) {
    BOOST_TEST(command_again(typed({"run", "--cache", "file:///tmp/my cache", ".", "--hosts", "nixos:*"})) ==
               "cachefill run --cache 'file:///tmp/my cache' . --hosts 'nixos:*'");
    BOOST_TEST(command_again(typed({"plan"})) == "cachefill plan");
    auto elsewhere = typed({"run", "."});
    elsewhere.program = "./build/cachefill";
    BOOST_TEST(command_again(elsewhere) == "./build/cachefill run .");
}

BOOST_AUTO_TEST_CASE(a_word_where_no_cache_is_named_may_be_the_cache) {
    auto hint = [](const std::vector<std::string>& words) {
        auto parsed = parse_command_line(words, Environment({{"NH_FLAKE", std::string("/fleet")}}));
        if (!parsed) BOOST_FAIL(parsed.error().one_line());
        return cache_among_words(std::get<Invocation>(*parsed).settings);
    };
    BOOST_TEST(hint({"run", "my-cache"}) == "; if 'my-cache' is the cache: --cache my-cache");
    BOOST_TEST(hint({"push", "my-cache", "./result"}) == "; if 'my-cache' is the cache: --cache my-cache");
    for (std::vector<std::string> words :
         {Words{"run"}, Words{"run", "nixos:nas"}, Words{"run", "--hosts", "n*"}, Words{"push", "./result"},
          Words{"push", "/nix/store"}, Words{"push", "-"}, Words{"run", "https://cache.example"},
          Words{"run", "--hosts", "nas"}, Words{"doctor", "nas"}, Words{"verify", "nas"},
          Words{"guard", "--", "nh", "os", "switch"}, Words{"push", "--", "nas"}})
        BOOST_TEST(hint(words).empty(), words.back());
}

BOOST_AUTO_TEST_CASE(what_the_flake_calls_a_host_is_no_cache) {
    auto folder = std::filesystem::temp_directory_path() / ("typed-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder / "hosts");
    std::ofstream(folder / "flake.nix") << "{ nixosConfigurations.lap = x; lap-top = y; }";
    std::ofstream(folder / "hosts" / "nas.nix") << "{ }";
    auto hint = [&](const std::string& word) {
        auto parsed = parse_command_line(Words{"run", word}, Environment({{"NH_FLAKE", folder.string()}}));
        if (!parsed) BOOST_FAIL(parsed.error().one_line());
        return cache_among_words(std::get<Invocation>(*parsed).settings);
    };
    BOOST_TEST(hint("lap") == "");
    BOOST_TEST(hint("nas") == "");
    BOOST_TEST(hint("top") == "; if 'top' is the cache: --cache top"); // a part of a word is none
    std::filesystem::remove_all(folder);
}

BOOST_AUTO_TEST_CASE(what_fills_names_the_cache_that_a_checkout_named) {
    auto parsed = parse_command_line(Words{"plan"}, Environment({{"NH_FLAKE", std::string("/fleet")}}));
    auto settings = std::get<Invocation>(*parsed).settings;
    settings.cache = GivenUrl("team");
    BOOST_TEST(command_to_fill(settings, {"nas", "desk"}) == "cachefill run --hosts nas --hosts desk");
    settings.cache_by_checkout = true; // else it was typed, or stands where it counts for everything
    BOOST_TEST(command_to_fill(settings, {}) == "cachefill run --cache team");
    settings.cache = GivenUrl("https://kim:geheim@cache.example");
    BOOST_TEST(command_to_fill(settings, {}).empty());
}

BOOST_AUTO_TEST_CASE(what_makes_a_machine_fetch_knows_the_cache_and_no_flake) {
    BOOST_TEST(command_to_use(typed({"run", ".", "--cache", "team", "--hosts", "nas"})) ==
               "cachefill use --cache team");
    BOOST_TEST(command_to_use(typed({"run", "."})) == "cachefill use");
}

BOOST_AUTO_TEST_CASE(another_command_speaks_of_the_same_flake_and_cache) {
    auto doctor = typed({"doctor", "--flake", ".", "--cache", "team", "--verbose", "--json", "x"});
    BOOST_TEST(other_command(doctor, Command::wait, {"laptop"}) == "cachefill wait laptop --flake . --cache team");
    BOOST_TEST(other_command(doctor, Command::run, {"--hosts", "nixos:laptop"}) ==
               "cachefill run . --hosts nixos:laptop --cache team");
    auto guard = typed({"guard", "--max-minutes", "3", "--store", "/srv/nix", "--", "nh", "os", "switch"});
    BOOST_TEST(other_command(guard, Command::wait, {"laptop"}) == "cachefill wait laptop --store /srv/nix");
    auto wait = typed({"wait", "--no-import-from-derivation", "--timeout", "5m"});
    BOOST_TEST(other_command(wait, Command::doctor, {"home:kim@desk"}) ==
               "cachefill doctor home:kim@desk --no-import-from-derivation");
}

BOOST_AUTO_TEST_CASE(a_configuration_that_was_named_is_named_again) {
    Typed plan;
    plan.words = {"plan", "--config", "my.yml"};
    plan.config = "my.yml";
    BOOST_TEST(other_command(plan, Command::run, {}) == "cachefill run --config my.yml");
}

BOOST_AUTO_TEST_CASE(a_command_with_a_secret_is_not_told) {
    auto run = typed({"run", "--cache", "https://kim:geheim@cache.example/x", "."});
    BOOST_TEST(command_again(run).empty());
    BOOST_TEST(other_command(run, Command::plan, {}).empty());
    auto flake = typed({"run", "git+https://token@git.example/fleet?dir=nix"});
    BOOST_TEST(command_again(flake).empty());
    BOOST_TEST(command_again(typed({"run", "git+https://kim:a/geheim@git.example/fleet"})).empty());
    BOOST_TEST(command_again(typed({"run", "https://proxy.example/https://kim:geheim@git.example/x.tar.gz"})).empty());
    BOOST_TEST(!command_again(typed({"run", "git+https://git.example/fleet@x?dir=nix"})).empty());
    BOOST_TEST(!command_again(typed({"run", "git+ssh://git@git.example/fleet?dir=nix"})).empty());
}

BOOST_AUTO_TEST_SUITE_END()
