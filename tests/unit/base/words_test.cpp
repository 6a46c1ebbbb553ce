#include "base/text.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;

namespace {

using Words = std::vector<std::string>;

Words as_words(const std::vector<std::string_view>& views) { return {views.begin(), views.end()}; }

std::string meant(std::string_view typed, const Words& candidates) {
    return did_you_mean(typed, candidates).value_or("-");
}

} // namespace

BOOST_AUTO_TEST_SUITE(words)

BOOST_AUTO_TEST_CASE(a_list_keeps_its_empty_pieces_and_words_have_none) {
    const std::pair<std::string_view, Words> lists[] = {
        {"", {""}}, {",", {"", ""}}, {"a", {"a"}}, {"a,b", {"a", "b"}}, {",a,,b,", {"", "a", "", "b", ""}}};
    for (const auto& [text, pieces] : lists)
        BOOST_TEST(as_words(split(text, ',')) == pieces, boost::test_tools::per_element());
    const std::pair<std::string_view, Words> lines[] = {
        {"", {}}, {" \t\r\n ", {}}, {"a", {"a"}}, {"  a\tb\r\nc ", {"a", "b", "c"}}, {"a\u00a0b", {"a\u00a0b"}}};
    for (const auto& [text, pieces] : lines)
        BOOST_TEST(as_words(split_words(text)) == pieces, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_list_that_was_split_joins_to_what_it_was) {
    for (const std::string text : {"", ",", "a", "a,b", ",a,,b,"})
        BOOST_TEST(join(as_words(split(std::string_view(text), ',')), ",") == text);
    BOOST_TEST(join(Words{}, ", ") == "");
    BOOST_TEST((join(Words{"a", "b", "c"}, " and ") == "a and b and c"));
}

BOOST_AUTO_TEST_CASE(only_blanks_at_the_ends_are_trimmed) {
    BOOST_TEST(trim("") == "");
    BOOST_TEST(trim(" \t\r\n") == "");
    BOOST_TEST(trim(" a b\n") == "a b");
    BOOST_TEST(trim("\va") == "\va");
}

BOOST_AUTO_TEST_CASE(letters_are_compared_in_ascii_alone) {
    BOOST_TEST(iequals("Content-Length", "content-LENGTH"));
    BOOST_TEST(!iequals("content-length", "content_length"));
    BOOST_TEST(!iequals("a", "ab"));
    BOOST_TEST(!iequals("Ä", "ä")); // bytes above ASCII are what they are
    BOOST_TEST(!iequals("[", "{"));
    BOOST_TEST(!iequals("@", "`"));
    BOOST_TEST(to_lower("A-Z[Ä]") == "a-z[Ä]");
}

BOOST_AUTO_TEST_CASE(a_number_is_digits_that_fit) {
    BOOST_TEST((parse_u64("0") == 0U));
    BOOST_TEST((parse_u64("0000") == 0U));
    BOOST_TEST((parse_u64("18446744073709551615") == 18446744073709551615ULL));
    for (const auto* bad : {"", " 1", "1 ", "+1", "-1", "1.0", "0x1", "1e3", "18446744073709551616",
                            "18446744073709551620", "99999999999999999999", "１"})
        BOOST_TEST(!parse_u64(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(patterns_backtrack_and_end_soon) {
    const std::pair<const char*, const char*> matches[] = {
        {"", ""},    {"*", "a"},       {"**", ""},         {"a**b", "ab"}, {"*a*", "bab"}, {"?*", "a"},
        {"*?", "a"}, {"a*ab", "aaab"}, {"*.nix", "x.nix"}, {"a?c", "a*c"}, {"[a]", "[a]"}};
    for (auto [pattern, text] : matches) BOOST_TEST(glob_match(pattern, text), pattern << " " << text);
    const std::pair<const char*, const char*> others[] = {{"", "a"},     {"a", ""},     {"?", ""},
                                                          {"?*", ""},    {"*a", "ab"},  {"a*", "ba"},
                                                          {"a?c", "ac"}, {"[ab]", "a"}, {"A", "a"}};
    for (auto [pattern, text] : others) BOOST_TEST(!glob_match(pattern, text), pattern << " " << text);
    // Of a pattern that somebody else wrote: no more steps than pattern times text.
    BOOST_TEST(!glob_match("*a*a*a*a*a*a*a*a*a*a*b", std::string(20'000, 'a')));
}

BOOST_AUTO_TEST_CASE(the_nearest_name_is_meant_if_any_is_near) {
    const Words commands{"run", "plan", "push", "verify", "doctor"};
    const std::pair<const char*, const char*> table[] = {
        {"ru", "run"},        {"runn", "run"},   {"pussh", "push"}, {"vrify", "verify"}, {"DOCTOR", "doctor"},
        {"docotr", "doctor"}, {"ver", "verify"}, {"", "-"},         {"x", "-"},          {"frobnicate", "-"}};
    for (auto [typed, wanted] : table) BOOST_TEST(meant(typed, commands) == wanted, typed);
    BOOST_TEST(meant("ab", {"xy"}) == "-"); // not a single letter in common
    BOOST_TEST(meant("run", {}) == "-");
    BOOST_TEST(meant("desk", {"desktop", "disk"}) ==
               "desktop"); // a beginning is as near as one letter; the first counts
}

BOOST_AUTO_TEST_CASE(a_text_never_gets_wider_than_it_may) {
    const std::tuple<const char*, std::size_t, const char*> table[] = {{"abcdef", 0, ""},
                                                                       {"abcdef", 1, "…"},
                                                                       {"abcdef", 2, "a…"},
                                                                       {"abcdef", 3, "a…f"},
                                                                       {"abcdef", 4, "ab…f"},
                                                                       {"abcdef", 5, "ab…ef"},
                                                                       {"abcdef", 6, "abcdef"},
                                                                       {"", 0, ""},
                                                                       {"", 5, ""},
                                                                       {"東京都庁", 3, "東…庁"},
                                                                       {"a\xff\xff\xff\xff z", 3, "a…z"}};
    for (auto [text, width, wanted] : table) BOOST_TEST(ellipsize(text, width) == wanted, text << " in " << width);
}

BOOST_AUTO_TEST_CASE(everything_but_the_unreserved_is_encoded) {
    BOOST_TEST(percent_encode("AZaz09-._~") == "AZaz09-._~");
    BOOST_TEST(percent_encode("a/b c?d&e=f#g%h+i") == "a%2Fb%20c%3Fd%26e%3Df%23g%25h%2Bi");
    BOOST_TEST(percent_encode("ä") == "%C3%A4");
    BOOST_TEST(percent_encode(std::string_view("\0\xff", 2)) == "%00%FF");
}

BOOST_AUTO_TEST_CASE(a_number_has_its_noun) {
    BOOST_TEST(counted(0, "path") == "0 paths");
    BOOST_TEST(counted(1, "entry", "entries") == "1 entry");
    BOOST_TEST(counted(0, "entry", "entries") == "0 entries");
    BOOST_TEST(counted(18446744073709551615ULL, "byte") == "18446744073709551615 bytes");
}

BOOST_AUTO_TEST_SUITE_END()
