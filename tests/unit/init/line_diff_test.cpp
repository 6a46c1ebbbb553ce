#include "init/line_diff.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using cachefill::init::unified_diff;

BOOST_AUTO_TEST_SUITE(line_diff)

BOOST_AUTO_TEST_CASE(a_new_file_is_added_whole) {
    BOOST_TEST(unified_diff("x/a.yml", "", "one\ntwo\n") ==
               "--- /dev/null\n+++ b/x/a.yml\n@@ -0,0 +1,2 @@\n+one\n+two\n");
}

BOOST_AUTO_TEST_CASE(the_same_is_no_difference) { BOOST_TEST(unified_diff("a", "one\n", "one\n") == ""); }

BOOST_AUTO_TEST_CASE(changes_far_apart_have_three_lines_around_each) {
    std::string before, after;
    for (int i = 1; i <= 20; ++i) {
        before += std::to_string(i) + "\n";
        if (i != 4) after += (i == 17 ? "seventeen" : std::to_string(i)) + "\n";
    }
    BOOST_TEST(unified_diff("a", before, after) ==
               "--- a/a\n+++ b/a\n"
               "@@ -1,7 +1,6 @@\n 1\n 2\n 3\n-4\n 5\n 6\n 7\n"
               "@@ -14,7 +13,7 @@\n 14\n 15\n 16\n-17\n+seventeen\n 18\n 19\n 20\n");
}

BOOST_AUTO_TEST_SUITE_END()
