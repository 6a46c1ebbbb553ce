#include "app/bell.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace cachefill::app;

BOOST_AUTO_TEST_SUITE(bell)

BOOST_AUTO_TEST_CASE(each_exit_code_is_told_in_words_of_its_own) {
    BOOST_TEST(ended_in_words("wait", 0) == "wait has ended: complete");
    BOOST_TEST(ended_in_words("run", 3) == "run has ended: not all of it is in the cache");
    BOOST_TEST(ended_in_words("run", 130) == ended_in_words("run", 143));
    std::set<std::string> words;
    for (int code : {0, 1, 2, 3, 4, 5, 130}) words.insert(ended_in_words("run", code));
    BOOST_TEST(words.size() == 7U);
    BOOST_TEST(ended_in_words("guard", 77) == "guard has ended: ended"); // another program's
}

BOOST_AUTO_TEST_SUITE_END()
