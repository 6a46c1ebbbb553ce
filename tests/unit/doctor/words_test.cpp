#include "doctor/words.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill::doctor;

BOOST_AUTO_TEST_SUITE(doctor_words)

BOOST_AUTO_TEST_CASE(a_minute_is_told_that_has_begun) {
    std::chrono::system_clock::time_point moment{std::chrono::seconds(1'700'000'040)}; // a whole minute everywhere
    BOOST_TEST(clock_time(moment + std::chrono::seconds(1)) == clock_time(moment + std::chrono::seconds(60)));
    BOOST_TEST(clock_time(moment) != clock_time(moment + std::chrono::seconds(1)));
}

BOOST_AUTO_TEST_CASE(a_commit_is_told_by_its_beginning) {
    BOOST_TEST(short_sha("1a2b3c4d5e6f") == "1a2b3c4");
    BOOST_TEST(short_sha("") == "");
}

BOOST_AUTO_TEST_SUITE_END()
