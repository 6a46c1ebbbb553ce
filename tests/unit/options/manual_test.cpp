#include "options/command_line.hpp"
#include "options/manual.hpp"
#include "options/options.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::options;

namespace {

std::string without_backslashes(std::string text) {
    std::erase(text, '\\');
    return text;
}

} // namespace

BOOST_AUTO_TEST_SUITE(manual)

BOOST_AUTO_TEST_CASE(the_man_page_tells_of_every_command_and_option) {
    auto page = without_backslashes(man_page());
    for (auto command : command_list())
        BOOST_TEST(page.find("cachefill " + std::string(to_string(command))) != std::string::npos, to_string(command));
    for (const auto& option : option_table()) {
        BOOST_TEST(page.find("fB" + option.flag() + "fR") != std::string::npos, option.key);
        if (option.in_environment())
            BOOST_TEST(page.find("fB" + option.variable() + "fR") != std::string::npos, option.key);
    }
}

BOOST_AUTO_TEST_CASE(no_line_of_the_man_page_is_a_macro_by_accident) {
    auto page = man_page();
    BOOST_TEST(page.find("\n.github") == std::string::npos);
    BOOST_TEST(page.find("\n'") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(completions_know_every_option) {
    for (std::string shell : {"bash", "zsh", "fish"}) {
        auto text = completion(shell);
        BOOST_REQUIRE(text.has_value());
        for (const auto& option : option_table()) {
            auto flag = shell == "fish" ? "-l " + option.flag().substr(2) : option.flag();
            BOOST_TEST(text->find(flag) != std::string::npos, shell << ": " << option.key);
            auto letter = option.short_flag();
            if (shell == "fish" && !letter.empty()) letter = "-s " + letter.substr(1) + " " + flag;
            BOOST_TEST(text->find(letter) != std::string::npos, shell << ": " << letter);
        }
    }
    BOOST_TEST(!completion("tcsh"));
}

BOOST_AUTO_TEST_CASE(choices_come_from_the_option_itself) {
    std::vector<std::string> wanted{"always", "auto", "never"};
    BOOST_TEST(choices_of(*find_option("color")) == wanted, boost::test_tools::per_element());
    BOOST_TEST(choices_of(*find_option("cache")).empty());
    BOOST_TEST(choices_of(*find_option("deadline")).empty());
}

BOOST_AUTO_TEST_SUITE_END()
