#include "doctor/lock_difference.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill::doctor;

BOOST_AUTO_TEST_SUITE(device_lock_difference)

namespace {

std::string lock(const std::string& nixpkgs, const std::string& home, const std::string& more = {}) {
    return R"({"nodes":{"root":{"inputs":{"nixpkgs":"nixpkgs","home":"home")" +
           std::string(more.empty() ? "" : ",\"more\":\"more\"") + R"(}},"nixpkgs":{"locked":{"rev":")" + nixpkgs +
           R"("}},"home":{"inputs":{"nixpkgs":["nixpkgs"],"own":"own"},"locked":{"rev":"h"}},"own":{"locked":{"narHash":")" +
           home + "\"}}" + (more.empty() ? "" : R"(,"more":{"locked":{"rev":")" + more + "\"}}") +
           R"(},"root":"root","version":7})";
}

} // namespace

BOOST_AUTO_TEST_CASE(the_input_that_moved_is_named_with_both_places) {
    auto found = compare_locks(lock("1111111aaaa", "x"), lock("2222222bbbb", "x"));
    BOOST_REQUIRE(found.has_value());
    BOOST_REQUIRE(found->size() == 1U);
    BOOST_TEST(found->at(0).input == "nixpkgs");
    BOOST_TEST(found->at(0).first == "1111111");
    BOOST_TEST(found->at(0).second == "2222222");
}

BOOST_AUTO_TEST_CASE(inputs_of_inputs_come_after_the_flakes_own) {
    auto found = compare_locks(lock("1", "x"), lock("2", "y", "3"));
    BOOST_REQUIRE(found.has_value());
    BOOST_REQUIRE(found->size() == 3U);
    BOOST_TEST(found->at(0).input == "nixpkgs");
    BOOST_TEST(found->at(1).input == "more");
    BOOST_TEST(found->at(1).first == "");
    BOOST_TEST(found->at(2).input == "home/own");
}

BOOST_AUTO_TEST_CASE(the_same_lock_has_no_difference_and_no_lock_is_a_failure) {
    BOOST_TEST(compare_locks(lock("1", "x"), lock("1", "x"))->empty());
    BOOST_TEST(!compare_locks("{}", lock("1", "x")).has_value());
    BOOST_TEST(!compare_locks("<<<<<<< HEAD", lock("1", "x")).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
