#include "base/text.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace cachefill;

namespace {

using Pair = std::pair<std::string_view, std::string_view>;

const std::string replaced = "\xEF\xBF\xBD"; // U+FFFD

} // namespace

BOOST_AUTO_TEST_SUITE(foreign_text)

BOOST_AUTO_TEST_CASE(escape_sequences_go_as_a_whole_and_nothing_else_with_them) {
    const Pair table[] = {
        {"\x1b[1;31mred\x1b[0m.", "red."},
        {"\x1b[38;2;1;2;3mtrue colour", "true colour"},
        {"\x1b[?25lhidden", "hidden"},
        {"\x1b[2K\x1b[1Gdone", "done"},
        {"\x1b]0;title\x1b\\text", "text"},
        {"\x1bPdevice\x1b\\text", "text"},
        {"\x1b_application\atext", "text"},
        {"\x1b^private\atext", "text"},
        {"\x1b]8;;https://a.example\alink\x1b]8;;\a", "link"},
        {"\x1b"
         "7saved\x1b"
         "8",
         "saved"},
        {"\x1b"
         "cnew",
         "new"},
        {"a\x1b", "a"},
        {"a\x1b[", "a"},
        {"a\x1b[31", "a"},
        {"a\x1b]0;b", "a"},
        {"\x1b\x1b[31mred", "red"}, // the first is none
        {"\x1b]0;a\x1b[31mb\atext", "text"},
    };
    for (auto [foreign, clean] : table) BOOST_TEST(sanitize(foreign) == clean);
}

BOOST_AUTO_TEST_CASE(no_escape_sequence_swallows_the_end_of_a_line) {
    for (const auto* broken : {"\x1b", "\x1b[", "\x1b[31", "\x1b[38;2;", "\x1b]0;title", "\x1bP", "\x1b^", "\x1b_x"})
        BOOST_TEST(sanitize("a" + std::string(broken) + "\nnext") == "a\nnext");
}

BOOST_AUTO_TEST_CASE(of_a_line_that_was_written_over_the_last_state_stays) {
    const Pair table[] = {
        {"1%\r2%\r3%", "3%"},
        {"1%\r2%\r\n3%", "2%\n3%"},
        {"first\n1%\r2%", "first\n2%"},
        {"\rtext", "text"},
        {"text\r", "text"},
        {"a\r\nb\r\n", "a\nb\n"},
        {"a\r\r\nb", "a\nb"}, // what a terminal's own driver makes of
                              // "\r\n"
        {"a\r\r", "a"},
    };
    for (auto [foreign, clean] : table) BOOST_TEST(sanitize(foreign) == clean);
}

BOOST_AUTO_TEST_CASE(control_characters_go_and_tabs_stay) {
    std::string all;
    for (int c = 0; c < 0x20; ++c)
        if (c != '\n' && c != '\r' && c != '\x1b') all += static_cast<char>(c);
    BOOST_TEST(sanitize(all + "\x7f.") == "\t.");
}

BOOST_AUTO_TEST_CASE(what_is_no_utf_8_is_replaced_byte_by_byte) {
    const std::pair<std::string, std::string> table[] = {
        {"\x80", replaced},
        {"\xC0\xAF", replaced + replaced}, // '/' in two bytes
        {"\xC1\xBF", replaced + replaced},
        {"\xC3", replaced},
        {"\xC3(", replaced + "("},
        {"\xE0\x80\xAF", replaced + replaced + replaced}, // '/' in three
        {"\xED\xA0\x80", replaced + replaced + replaced}, // half of a surrogate pair
        {"\xF0\x80\x80\xAF", replaced + replaced + replaced + replaced},
        {"\xF4\x90\x80\x80", replaced + replaced + replaced + replaced}, // above U+10FFFF
        {"\xF5\x80\x80\x80", replaced + replaced + replaced + replaced},
        {"\xE2\x82", replaced + replaced},
        {"\xE2\x82z", replaced + replaced + "z"},
        {"\xFE\xFF", replaced + replaced},
    };
    for (const auto& [foreign, clean] : table) BOOST_TEST(sanitize(foreign) == clean);
    for (const auto* good : {"\xC2\xA0", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF0\x90\x80\x80",
                             "\xF4\x8F\xBF\xBF"})
        BOOST_TEST(sanitize(good) == good);
}

BOOST_AUTO_TEST_CASE(only_what_turns_text_around_goes_of_the_invisible) {
    for (const auto* around : {"\u061C", "\u200E", "\u200F", "\u202A", "\u202B", "\u202C", "\u202D", "\u202E", "\u2066",
                               "\u2067", "\u2068", "\u2069"})
        BOOST_TEST(sanitize("a" + std::string(around) + "b") == "ab");
    for (const auto* harmless : {"\u061B", "\u200D", "\u2010", "\u2029", "\u202F", "\u2065", "\u206A"})
        BOOST_TEST(sanitize(harmless) == harmless);
}

BOOST_AUTO_TEST_CASE(whatever_comes_nothing_steers_a_terminal_and_twice_is_as_good_as_once) {
    std::mt19937 random(3);
    constexpr std::string_view pieces[] = {"\x1b", "[",    "]",    "m",    ";",    "\a", "\\", "\r",   "\n", "a",
                                           "\xC2", "\x9B", "\x80", "\xE2", "\xAE", "\t", "31", "\xFF", "P"};
    std::uniform_int_distribution<std::size_t> any(0, std::size(pieces) - 1);
    for (int i = 0; i < 3000; ++i) {
        std::string foreign;
        for (int length = 0; length < 12; ++length) foreign += pieces[any(random)];
        auto clean = sanitize(foreign);
        BOOST_REQUIRE(clean.find_first_of("\x1b\r\a") == std::string::npos);
        BOOST_REQUIRE(clean.find("\xC2\x9B") == std::string::npos);
        BOOST_REQUIRE(sanitize(clean) == clean);
        BOOST_REQUIRE(std::count(clean.begin(), clean.end(), '\n') == std::count(foreign.begin(), foreign.end(), '\n'));
    }
}

BOOST_AUTO_TEST_SUITE_END()
