#include "build/ready_builds.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::build;

namespace {

constexpr ReadyBuilds::Key key(int urgency, std::uint32_t id) { return {-urgency, plan::DerivationId{id}}; }

} // namespace

BOOST_AUTO_TEST_SUITE(ready_builds)

BOOST_AUTO_TEST_CASE(a_machine_is_given_the_most_urgent_of_what_it_can_build) {
    ReadyBuilds ready;
    BOOST_TEST(ready.is_empty(false));
    BOOST_TEST(!ready.find(0, false));
    ready.insert({0}, false, key(5, 1));
    ready.insert({0, 2}, false, key(9, 2));
    ready.insert({1, 2}, false, key(7, 3));
    ready.insert({1}, true, key(99, 4));
    BOOST_REQUIRE(ready.find(0, false));
    BOOST_TEST((*ready.find(0, false)->begin() == key(9, 2)));
    BOOST_TEST((*ready.find(1, false)->begin() == key(7, 3)));
    BOOST_TEST((*ready.find(2, false)->begin() == key(9, 2)));
    BOOST_TEST(!ready.find(3, false));
    BOOST_TEST(!ready.find(0, true));
    BOOST_TEST((*ready.find(1, true)->begin() == key(99, 4)));
    ready.erase({0, 2}, false, key(9, 2));
    ready.erase({0, 2}, false, key(9, 2)); // once more is no harm
    BOOST_TEST((*ready.find(0, false)->begin() == key(5, 1)));
    BOOST_TEST((*ready.find(2, false)->begin() == key(7, 3)));
    ready.erase({0}, false, key(5, 1));
    ready.erase({1, 2}, false, key(7, 3));
    BOOST_TEST(ready.is_empty(false));
    BOOST_TEST(!ready.is_empty(true));
}

BOOST_AUTO_TEST_CASE(what_only_some_machines_can_build_is_told_apart) {
    ReadyBuilds ready;
    ready.insert({0, 2}, false, key(9, 2));
    ready.insert({1, 2}, false, key(7, 3));
    ready.insert({1}, true, key(1, 4));
    auto is_builder = [](std::size_t machine) { return machine != this_machine; };
    BOOST_TEST((ready.only_for(is_builder) == std::vector{plan::DerivationId{3}, plan::DerivationId{4}}));
    BOOST_TEST(
        (ready.only_for([](std::size_t machine) { return machine == 1; }) == std::vector{plan::DerivationId{4}}));
}

BOOST_AUTO_TEST_SUITE_END()
