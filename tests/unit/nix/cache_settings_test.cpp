// How Nix itself reads a nix.conf; what is expected here, `nix show-config` (2.8) printed, except for what it refuses.
#include "nix/cache_settings.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill::nix;

namespace {

using List = std::vector<std::string>;

CacheSettings settings(std::string_view text) {
    CacheSettings read;
    read.read(text);
    return read;
}

List substituters(std::string_view text) { return settings(text).substituters.over({"https://machine"}); }

} // namespace

BOOST_TEST_SPECIALIZED_COLLECTION_COMPARE(List)

BOOST_AUTO_TEST_SUITE(cache_settings)

BOOST_AUTO_TEST_CASE(a_list_replaces_and_an_extra_one_adds) {
    BOOST_TEST(substituters("") == (List{"https://machine"}));
    BOOST_TEST(substituters("substituters = https://a\n") == (List{"https://a"}));
    BOOST_TEST(substituters("substituters =\n") == List{});
    BOOST_TEST(substituters("extra-substituters = https://a\n") == (List{"https://machine", "https://a"}));
    BOOST_TEST(substituters("substituters =\nextra-substituters = https://a\n") == (List{"https://a"}));
    BOOST_TEST(substituters("extra-substituters = https://a\nextra-substituters = https://b https://c\n") ==
               (List{"https://machine", "https://a", "https://b", "https://c"}));
    BOOST_TEST(substituters("substituters = https://a\nsubstituters = https://b\n") == (List{"https://b"}));
}

BOOST_AUTO_TEST_CASE(what_is_added_before_the_list_itself_is_lost) {
    auto read = settings("extra-substituters = https://a\nsubstituters = https://b\n");
    BOOST_TEST(read.substituters.over({}) == (List{"https://b"}));
    BOOST_TEST(read.substituters.lost == (List{"https://a"}));
}

BOOST_AUTO_TEST_CASE(old_names_are_the_same_settings) {
    auto read =
        settings("binary-caches = https://a\nextra-binary-caches = https://b\n"
                 "trusted-binary-caches = https://c\nbinary-cache-public-keys = k:1\nbuild-use-substitutes = false");
    BOOST_TEST(read.substituters.over({}) == (List{"https://a", "https://b"}));
    BOOST_TEST(read.trusted_substituters.over({}) == (List{"https://c"}));
    BOOST_TEST(read.trusted_public_keys.over({}) == (List{"k:1"}));
    BOOST_TEST(!read.substitute.value());
    BOOST_TEST(substituters("substituters = https://a\nbinary-caches = https://c\n") == (List{"https://c"}));
}

BOOST_AUTO_TEST_CASE(lines_are_words_with_comments_and_what_nix_refuses_says_nothing) {
    BOOST_TEST(substituters("  substituters\t=  https://a\thttps://b  # https://c\n") ==
               (List{"https://a", "https://b"}));
    BOOST_TEST(substituters("substituters = https://a#b\r\n") == (List{"https://a"}));
    BOOST_TEST(
        substituters("substituters=https://a\n!include substituters = https://a\n# substituters = x\nsubstituters\n") ==
        (List{"https://machine"}));
}

BOOST_AUTO_TEST_CASE(flags_are_those_of_nix) {
    for (const char* no : {"false", "no", "0"})
        BOOST_TEST(!settings("require-sigs = " + std::string(no)).require_sigs.value_or(true), no);
    for (const char* yes : {"true", "yes", "1"})
        BOOST_TEST(settings("require-sigs = " + std::string(yes)).require_sigs.value_or(false), yes);
    for (const char* neither : {"", "False", "extra"})
        BOOST_TEST(!settings("require-sigs = " + std::string(neither)).require_sigs.has_value(), neither);
    BOOST_TEST(!settings("extra-require-sigs = false").require_sigs.has_value());
}

BOOST_AUTO_TEST_CASE(an_empty_list_says_something) {
    BOOST_TEST(!settings("cores = 3").says_something());
    BOOST_TEST(settings("substituters =").says_something());
    BOOST_TEST(settings("extra-trusted-public-keys = k:1").says_something());
    BOOST_TEST(!settings("trusted-substituters = https://a").says_something()); // nobody asks it unless told to
}

BOOST_AUTO_TEST_CASE(advice_is_in_the_words_of_the_module_system) {
    auto lines = [](SettingsWords words, std::string_view has = {}) {
        auto said = settings(has);
        said.words = words;
        return lines_to_trust(said, "https://c", {"k-1:A="});
    };
    List merged{"nix.settings.substituters = [ \"https://c\" ];", "nix.settings.trusted-public-keys = [ \"k-1:A=\" ];"};
    BOOST_TEST(lines(SettingsWords::settings) == merged);
    BOOST_TEST(lines(SettingsWords::binary_caches) ==
               (List{"nix.binaryCaches = [ \"https://c\" ];", "nix.binaryCachePublicKeys = [ \"k-1:A=\" ];"}));
    BOOST_TEST(lines(SettingsWords::home_settings) ==
               (List{"nix.settings.extra-substituters = [ \"https://c\" ];",
                     "nix.settings.extra-trusted-public-keys = [ \"k-1:A=\" ];"}));
    BOOST_TEST(lines(SettingsWords::nix_conf) ==
               (List{"extra-substituters = https://c", "extra-trusted-public-keys = k-1:A="}));
    // A home that names its caches itself: beside the plain list an extra one would be overruled.
    BOOST_TEST(lines(SettingsWords::home_settings, "substituters = https://a\ntrusted-public-keys = k:1") == merged);
    CacheSettings nothing;
    nothing.words = SettingsWords::settings;
    BOOST_TEST(lines_to_trust(nothing, "", {"k-1:A="}) == (List{merged[1]}));
    BOOST_TEST(condition_of_trust(SettingsWords::settings).empty());
    BOOST_TEST(condition_of_trust(SettingsWords::home_settings).find("trusted-users") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(advice_consists_of_words_that_end_no_line) {
    CacheSettings nothing;
    BOOST_TEST(lines_to_trust(nothing, "https://c\npost-build-hook = /x", {"k-1:A=", "k 2:A=", "k#3:A=", "k\n4:A="}) ==
               (List{"extra-trusted-public-keys = k-1:A="}));
    BOOST_TEST(lines_to_trust(nothing, "https://c", {"k 2:A="}) == (List{"extra-substituters = https://c"}));
    BOOST_TEST(is_one_word("https://c/\"x"));
    for (const auto* text : {"", "a b", "a\tb", "a\nb", "a#b", "a\x1b", "a\x7f"}) BOOST_TEST(!is_one_word(text), text);
}

BOOST_AUTO_TEST_SUITE_END()
