#include "report/columns.hpp"
#include "report/style.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill::report;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(columns_of_text)

BOOST_AUTO_TEST_CASE(wide_and_combining_characters_count_as_terminals_count_them) {
    BOOST_TEST(columns("naïve") == 5U);
    BOOST_TEST(columns("日本") == 4U);
    BOOST_TEST(columns("e\xCC\x81") == 1U); // e and a combining acute accent
    BOOST_TEST(columns("🚀") == 2U);
    BOOST_TEST(columns("") == 0U);
}

BOOST_AUTO_TEST_CASE(text_is_cut_in_the_middle_to_columns) {
    BOOST_TEST(fit("abcdefghij", 10) == "abcdefghij");
    BOOST_TEST(fit("abcdefghijk", 7) == "abc…ijk");
    BOOST_TEST(fit("日本日本日本", 7) == "日…日本");
    BOOST_TEST(fit("abc", 1) == "…");
    BOOST_TEST(fit("abc", 0) == "");
    for (std::size_t width = 0; width < 16; ++width) BOOST_TEST(columns(fit("a日b本c日d本e", width)) <= width);
}

BOOST_AUTO_TEST_CASE(padding_never_cuts) {
    BOOST_TEST(pad_right("日", 4) == "日  ");
    BOOST_TEST(pad_left("12", 4) == "  12");
    BOOST_TEST(pad_right("long", 2) == "long");
}

BOOST_AUTO_TEST_CASE(broken_utf8_at_the_end_is_survived) { BOOST_TEST(columns("a\xE2") == 2U); }

BOOST_AUTO_TEST_CASE(clocks_are_short_and_steady) {
    BOOST_TEST(clock_text(0ms) == "0:00");
    BOOST_TEST(clock_text(-5ms) == "0:00");
    BOOST_TEST(clock_text(65s) == "1:05");
    BOOST_TEST(clock_text(2h + 10min) == "2:10:00");
}

BOOST_AUTO_TEST_CASE(people_know_paths_by_their_names) {
    BOOST_TEST(path_name("/nix/store/1a2b3c4d5f6g7h8j9k0l1m2n3p4q5r6s-linux-6.12.drv") == "linux-6.12");
    BOOST_TEST(path_name("/nix/store/1a2b3c4d5f6g7h8j9k0l1m2n3p4q5r6s-hello") == "hello");
    BOOST_TEST(path_name("hello") == "hello");
}

BOOST_AUTO_TEST_CASE(long_lists_say_how_many_more) {
    BOOST_TEST(listed({"a", "b"}, 3) == "a, b");
    BOOST_TEST(listed({"a", "b", "c", "d"}, 2) == "a, b and 2 more");
}

BOOST_AUTO_TEST_CASE(of_many_the_first_are_named_and_the_rest_counted) {
    BOOST_TEST(listed({}, 3) == "");
    BOOST_TEST(listed({"a", "b", "c"}, 3) == "a, b, c");
    BOOST_TEST(listed({"a", "b", "c", "d", "e"}, 3) == "a, b, c and 2 more");
    BOOST_TEST(listed({"a", "b"}, 1) == "a and 1 more");
}

BOOST_AUTO_TEST_CASE(one_line_is_one_whatever_ends_lines_and_steers_nothing) {
    BOOST_TEST(cachefill::report::one_line(" a\nb\tc\rd\x1b[1m\u009be\u202ef\v ") == "a b c d [1mef");
}

BOOST_AUTO_TEST_SUITE_END()
