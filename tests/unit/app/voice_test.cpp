#include "app/voice.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using cachefill::app::spoken;

BOOST_AUTO_TEST_SUITE(voice)

BOOST_AUTO_TEST_CASE(a_runner_of_github_reads_no_command) {
    Environment step({{"GITHUB_ACTIONS", std::string("true")}, {"LANG", std::string("C")}});
    auto said = spoken("host …\n::stop-commands::x\n  ##[add-mask]y\n", step);
    BOOST_TEST(said.find("\n::") == std::string::npos);
    BOOST_TEST(said.find("##[") == std::string::npos);
    BOOST_TEST(said.starts_with("host …\n")); // its page is UTF-8
}

BOOST_AUTO_TEST_CASE(elsewhere_the_locale_decides) {
    BOOST_TEST(spoken("::a …", Environment({{"LANG", std::string("C.UTF-8")}})) == "::a …");
    BOOST_TEST(spoken("::a …", Environment({{"LANG", std::string("C")}})) == "::a ...");
}

BOOST_AUTO_TEST_SUITE_END()
