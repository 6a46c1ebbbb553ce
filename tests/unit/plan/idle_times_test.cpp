#include "plan/idle_times.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill::plan;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(idle_times)

BOOST_AUTO_TEST_CASE(slots_are_taken_one_after_another) {
    IdleTimes idle(2);
    BOOST_TEST((idle.take(0s, 10s) == 0s));
    BOOST_TEST((idle.take(0s, 20s) == 0s));
    BOOST_TEST((idle.take(0s, 5s) == 10s));
    BOOST_TEST((idle.first_fit(0s, 1s) == 15s));
    BOOST_TEST((idle.first_fit(30s, 1s) == 30s));
}

BOOST_AUTO_TEST_CASE(what_fits_goes_before_what_had_to_wait) {
    IdleTimes idle(1);
    BOOST_TEST((idle.take(100s, 10s) == 100s));
    BOOST_TEST((idle.take(0s, 101s) == 110s));
    BOOST_TEST((idle.take(0s, 60s) == 0s));
    BOOST_TEST((idle.take(0s, 40s) == 60s)); // exactly the rest
    BOOST_TEST((idle.take(0s, 1s) == 211s));
}

BOOST_AUTO_TEST_SUITE_END()
