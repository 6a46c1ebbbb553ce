#include "build/builders.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::build;
using namespace std::chrono_literals;

namespace {

Builders::TimePoint at(std::chrono::milliseconds since_start) { return Builders::TimePoint(1h) + since_start; }

BuilderTrouble away(const std::string& address) {
    return {.kind = BuilderTrouble::Kind::away, .address = address, .said = "Connection refused"};
}

// This machine, and two builders.
struct Farm {
    std::vector<plan::BuildAbility> machines{
        {.platforms = {"x86_64-linux"}, .features = {}},
        {.platforms = {"x86_64-linux"}, .features = {}, .builder = "ssh://big x86_64-linux - 4", .slots = 4},
        {.platforms = {"aarch64-linux"}, .features = {}, .builder = "ssh-ng://arm\taarch64-linux", .slots = 1}};
    Builders builders{machines, 60s};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(builders_away, Farm)

BOOST_AUTO_TEST_CASE(a_builder_that_fails_is_left_alone_for_a_while_and_the_others_are_not) {
    BOOST_TEST(builders.address(1) == "ssh://big");
    BOOST_TEST(builders.address(2) == "ssh-ng://arm");
    BOOST_TEST(builders.knows("ssh-ng://arm"));
    BOOST_TEST(!builders.knows("")); // that is this machine
    BOOST_TEST(builders.note(away("ssh://big"), at(0s)));
    BOOST_TEST(!builders.note(away("ssh://big"), at(0s))); // known already
    BOOST_TEST(!builders.is_its_turn(1, at(1s)));
    BOOST_TEST(builders.is_its_turn(2, at(1s)));
    BOOST_TEST(builders.is_its_turn(this_machine, at(1s)));
    auto next = builders.next_moment(at(1s));
    BOOST_REQUIRE(next.has_value());
    BOOST_TEST(builders.is_its_turn(1, *next));
    builders.begin(1);
    BOOST_TEST(!builders.is_its_turn(1, *next)); // one at a time finds out
    BOOST_TEST(builders.note_answer(1, *next));
    builders.end(1);
    BOOST_TEST(builders.is_its_turn(1, *next));
    BOOST_TEST(!builders.note_answer(1, *next));
}

BOOST_AUTO_TEST_CASE(after_its_time_it_is_given_up_and_still_tried_now_and_then) {
    for (auto now = 0s; now <= 60s; now += 10s) {
        BOOST_TEST(!builders.is_given_up(2));
        builders.note(away("ssh-ng://arm"), at(now));
    }
    BOOST_TEST(builders.is_given_up(2));
    BOOST_TEST(!builders.is_given_up(1));
    BOOST_TEST(builders.next_moment(at(61s)).has_value());
    BOOST_TEST(builders.trouble_of({1, 2}) == "the remote builder ssh-ng://arm cannot be reached: Connection refused");
    builders.note(away("ssh://big"), at(0s));
    BOOST_TEST(builders.trouble_of({1, 2}) == "the remote builder ssh://big cannot be reached: Connection refused; "
                                              "the remote builder ssh-ng://arm cannot be reached: Connection refused");
    builders.note_answer(2, at(70s));
    BOOST_TEST(!builders.is_given_up(2));
    BOOST_TEST(builders.trouble_of({2}) == "");
}

BOOST_AUTO_TEST_SUITE_END()
