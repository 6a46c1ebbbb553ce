// The one main() of every unit test program; the suites are in the *_test.cpp files linked beside it.
#define BOOST_TEST_MODULE cachefill
#include <boost/test/unit_test.hpp>
