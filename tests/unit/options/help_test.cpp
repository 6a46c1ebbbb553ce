#include "base/text.hpp"
#include "options/help.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace cachefill;
using namespace cachefill::options;

BOOST_AUTO_TEST_SUITE(help)

BOOST_AUTO_TEST_CASE(it_fits_a_terminal_of_80_columns) {
    std::vector<std::string> texts{help_text()};
    for (auto command : command_list())
        for (bool full : {false, true}) texts.push_back(help_text(command, full));
    for (const auto& text : texts)
        for (auto line : split(text, '\n')) {
            auto columns = std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
            BOOST_TEST(columns <= 80, line << " is long");
            BOOST_TEST(!line.ends_with(' '), line << "| ends with a blank");
        }
}

BOOST_AUTO_TEST_CASE(each_form_of_a_command_begins_with_its_name) {
    for (auto command : command_list()) {
        auto name = "cachefill " + std::string(to_string(command));
        for (auto form : split(help_of(command).usage, '\n')) BOOST_TEST(form.starts_with(name), form);
        BOOST_TEST(help_of(command).description.ends_with('.'), name);
        BOOST_TEST(help_text().find("\n  " + name + " ") != std::string::npos, name << " is not in the overview");
        BOOST_TEST(help_text(command, false).starts_with(help_of(command).usage), name);
    }
}

BOOST_AUTO_TEST_CASE(what_is_wrapped_goes_on_below_where_it_began) {
    auto text = help_text();
    auto first = text.find("cachefill run [FLAKE]"), line = text.find('\n', first);
    BOOST_TEST(text.find("evaluate every host") - first == 27U); // column 29, the line's own two blanks before
    auto next = text.substr(line + 1, text.find('\n', line + 1) - line - 1);
    BOOST_TEST(next.find_first_not_of(' ') == 29U, next);
}

BOOST_AUTO_TEST_CASE(long_names_of_options_have_a_line_of_their_own) {
    auto text = help_text(Command::run, false);
    BOOST_TEST(text.find("\n  -H, --hosts PATTERN ") != std::string::npos);
    BOOST_TEST(text.find("\n  --upstreams-ignore PATTERN\n                            ") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
