#include "base/environment.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>

using namespace cachefill;

BOOST_AUTO_TEST_SUITE(environment)

BOOST_AUTO_TEST_CASE(an_empty_variable_is_there_and_has_no_value) {
    Environment environment({{"EMPTY", ""}, {"FULL", "x"}});
    BOOST_TEST((environment.find("EMPTY") == ""));
    BOOST_TEST(!environment.find("MISSING").has_value());
    BOOST_TEST(environment.get_or("EMPTY", "otherwise") == "otherwise");
    BOOST_TEST(environment.get_or("MISSING", "otherwise") == "otherwise");
    BOOST_TEST(environment.get_or("MISSING") == "");
    BOOST_TEST(environment.get_or("FULL", "otherwise") == "x");
    BOOST_TEST(!environment.find("full").has_value());
}

BOOST_AUTO_TEST_CASE(the_environment_of_a_child_is_sorted_and_has_each_name_once) {
    Environment environment({{"B", "2"}, {"A", "1=1"}});
    environment.set("B", "3");
    environment.set("C", "");
    environment.unset("MISSING");
    BOOST_TEST(environment.to_strings() == (std::vector<std::string>{"A=1=1", "B=3", "C="}),
               boost::test_tools::per_element());
    environment.unset("B");
    BOOST_TEST(!environment.find("B").has_value());
}

BOOST_AUTO_TEST_CASE(our_own_environment_is_read_with_its_equal_signs_and_lines) {
    BOOST_REQUIRE(::setenv("CACHEFILL_TEST_OF_IT", "a=b\nc", 1) == 0);
    auto read = Environment::of_this_process();
    ::unsetenv("CACHEFILL_TEST_OF_IT");
    BOOST_TEST((read.find("CACHEFILL_TEST_OF_IT") == "a=b\nc")); // a value: it stays as it was read
    BOOST_TEST(read.find("PATH").has_value());
}

BOOST_AUTO_TEST_CASE(what_children_get_is_a_copy) {
    Environment environment({{"CACHEFILL_TOKEN", "t"}, {"HOME", "/home/kim"}});
    auto cleaned = environment.without_our_secrets();
    BOOST_TEST((environment.find("CACHEFILL_TOKEN") == "t"));
    BOOST_TEST(cleaned.to_strings() == std::vector<std::string>{"HOME=/home/kim"}, boost::test_tools::per_element());
    auto again = cleaned.without_our_secrets();
    BOOST_TEST((again.variables() == cleaned.variables()));
}

BOOST_AUTO_TEST_SUITE_END()
