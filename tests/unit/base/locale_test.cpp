#include "base/locale.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;

namespace {

Environment with(std::map<std::string, std::string> variables) { return Environment(std::move(variables)); }

} // namespace

BOOST_AUTO_TEST_SUITE(locale)

BOOST_AUTO_TEST_CASE(the_first_variable_that_is_set_decides) {
    BOOST_TEST(speaks_utf8(with({{"LANG", "de_DE.UTF-8"}})));
    BOOST_TEST(speaks_utf8(with({{"LANG", "C.utf8"}})));
    BOOST_TEST(speaks_utf8(with({{"LC_ALL", ""}, {"LANG", "en_US.UTF-8"}}))); // empty is unset
    BOOST_TEST(!speaks_utf8(with({{"LC_ALL", "C"}, {"LANG", "en_US.UTF-8"}})));
    BOOST_TEST(!speaks_utf8(with({{"LC_CTYPE", "de_DE.ISO-8859-1"}, {"LANG", "de_DE.UTF-8"}})));
    BOOST_TEST(!speaks_utf8(with({})));
}

BOOST_AUTO_TEST_CASE(what_we_write_ourselves_has_something_like_it) {
    BOOST_TEST(to_ascii("build  3/7 · firefox, … → nas") == "build  3/7 - firefox, ... -> nas");
    BOOST_TEST(to_ascii("a…b·c→d", Columns::keep) == "a~b-c>d");
    BOOST_TEST(to_ascii("plain \x1b[1mtext\x1b[0m\n") == "plain \x1b[1mtext\x1b[0m\n");
}

BOOST_AUTO_TEST_CASE(anything_else_is_one_question_mark_a_character) {
    BOOST_TEST(to_ascii("Müller 雪 ✅") == "M?ller ? ?");
    BOOST_TEST(to_ascii("\xff") == "?");       // no UTF-8
    BOOST_TEST(to_ascii("a\xe2\x80") == "a?"); // cut off
    BOOST_TEST(to_ascii("\x80\x80") == "?");   // stray
    BOOST_TEST(to_ascii("") == "");
}

BOOST_AUTO_TEST_CASE(a_locale_of_utf_8_gets_all_of_it) {
    BOOST_TEST(in_locale("a…", with({{"LANG", "C.UTF-8"}})) == "a…");
    BOOST_TEST(in_locale("a…", with({{"LANG", "C"}})) == "a...");
}

BOOST_AUTO_TEST_SUITE_END()
